document.documentElement.classList.add("live");
for (const box of document.querySelectorAll(".pair")) {
  const range = box.querySelector("input");
  range.addEventListener("input", () => box.style.setProperty("--cut", `${range.value}%`));
}
for (const box of document.querySelectorAll(".frames")) {
  const range = box.querySelector("input");
  const frames = box.querySelectorAll("figure");
  const show = () => frames.forEach((frame, place) => { frame.hidden = place !== +range.value; });
  range.addEventListener("input", show);
  show();
}
