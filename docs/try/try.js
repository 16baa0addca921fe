// What the page does: a photo becomes pixels, the network's numbers, and pixels again.
"use strict";

const MOST = 2 ** 21; // pixels that are painted at once: the memory of WebAssembly ends at 4 GB
const LEAST = 2 ** 16; // fewer are not tried
const find = (name) => document.getElementById(name);
const text = new TextDecoder();
let network = null;
let photo = null;
let busy = Promise.resolve(); // photos and networks that come meanwhile wait

function tell(...sentences) {
  find("told").textContent = sentences.filter(Boolean).join("\n");
}

// The notes in an ONNX file, which its runtime does not tell: field 14 of the protocol buffer.
function readNotes(bytes) {
  const notes = {};
  for (const [number, value] of fields(bytes)) {
    if (number === 14) {
      const entry = Object.fromEntries(fields(value));
      notes[text.decode(entry[1])] = text.decode(entry[2]);
    }
  }
  return notes;
}

function fields(bytes) {
  const found = [];
  let place = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[place++];
      value += (byte & 127) * scale;
      if (!(byte & 128)) return value;
    }
  };
  while (place < bytes.length) {
    const key = varint();
    const kind = key % 8;
    if (kind === 0) varint();
    else if (kind === 1) place += 8;
    else if (kind === 5) place += 4;
    else if (kind === 2) {
      const end = varint() + place;
      found.push([(key - kind) / 8, bytes.subarray(place, end)]);
      place = end;
    } else throw new Error("it is no ONNX file");
  }
  return found;
}

async function openNetwork(bytes) {
  const notes = readNotes(bytes);
  const number = (value, other) => Number(value ?? other);
  network = {
    session: await ort.InferenceSession.create(bytes),
    name: notes.name ?? "",
    multiple: number(notes.multiple_of_sides ?? notes.multiple, 32),
    margin: number(notes.margin, 0),
    least: number(notes.smallest_side, 16),
  };
}

// As `Frame.divide` in cyclegan_tf/inference/tiling.py: how far a side is continued, and from where.
function frame(length) {
  const up = (value) => Math.ceil(value / network.multiple) * network.multiple;
  const shown = Math.max(up(length + 2 * network.margin), up(network.least));
  const before = network.margin + Math.floor((shown - 2 * network.margin - length) / 2);
  const places = Array.from({ length: shown }, (_, i) => mirrored(i - before, length));
  return { shown, before, places };
}

function mirrored(place, length) {
  const period = Math.max(1, 2 * (length - 1));
  const folded = ((place % period) + period) % period;
  return length > 1 ? Math.min(folded, period - folded) : 0;
}

async function paint(image) {
  const { width, height } = image;
  const [rows, columns] = [frame(height), frame(width)];
  const input = new Float32Array(rows.shown * columns.shown * 3);
  let place = 0;
  for (const row of rows.places) {
    for (const column of columns.places) {
      const from = 4 * (row * width + column);
      for (let channel = 0; channel < 3; channel++) {
        input[place++] = image.data[from + channel] / 127.5 - 1;
      }
    }
  }
  const { session } = network;
  const tensor = new ort.Tensor("float32", input, [1, rows.shown, columns.shown, 3]);
  const answer = (await session.run({ [session.inputNames[0]]: tensor }))[session.outputNames[0]];
  const painting = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 3 * ((y + rows.before) * columns.shown + x + columns.before);
      const to = 4 * (y * width + x);
      for (let channel = 0; channel < 3; channel++) {
        painting.data[to + channel] = Math.round((answer.data[from + channel] + 1) * 127.5);
      }
      painting.data[to + 3] = 255;
    }
  }
  answer.dispose?.();
  return painting;
}

function draw(canvas, source, width, height) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // what is transparent lies on paper
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  if (source instanceof ImageData) context.putImageData(source, 0, 0);
  else context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

async function work() {
  if (!photo || !network) return;
  let bitmap;
  try {
    bitmap = await createImageBitmap(photo);
  } catch {
    tell("This file is no picture that the browser can read.");
    return;
  }
  const wanted = Number(find("side").value) / Math.min(bitmap.width, bitmap.height);
  let ratio = Math.min(1, wanted, Math.sqrt(MOST / (bitmap.width * bitmap.height)));
  for (; ; ratio /= Math.SQRT2) {
    const width = Math.max(1, Math.round(bitmap.width * ratio));
    const height = Math.max(1, Math.round(bitmap.height * ratio));
    tell(`Painting ${width} x ${height} pixels.`);
    await new Promise((done) => setTimeout(done, 50)); // so that this can be read
    const start = performance.now();
    try {
      const painting = await paint(draw(find("before"), bitmap, width, height));
      draw(find("after"), painting, width, height);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      await show(bitmap, width, height, seconds);
      return;
    } catch (error) {
      if (width * height <= LEAST) {
        tell(`This network cannot paint here: ${error.message ?? error}`);
        return;
      }
    }
  }
}

async function show(bitmap, width, height, seconds) {
  const blob = await new Promise((done) => find("after").toBlob(done, "image/png"));
  URL.revokeObjectURL(find("download").href);
  find("download").href = URL.createObjectURL(blob);
  find("result").hidden = false;
  const reduced = width < bitmap.width && `The photo of ${bitmap.width} x ${bitmap.height} pixels was reduced to ` +
    `${width} x ${height}: choose another side above, but no more than memory allows is painted.`;
  tell(`${width} x ${height} pixels were painted in ${seconds} seconds.`, reduced);
}

function queue(task) {
  busy = busy.then(task).catch((error) => tell(`That did not work: ${error.message ?? error}`));
}

function take(file) {
  if (!file) return;
  queue(async () => {
    photo = file;
    await work();
  });
}

find("photo").addEventListener("change", (event) => take(event.target.files[0]));
find("side").addEventListener("change", () => queue(work));
find("slider").addEventListener("input", (event) =>
  find("pictures").style.setProperty("--cut", `${event.target.value}%`));
find("network").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) queue(async () => {
    await openNetwork(new Uint8Array(await file.arrayBuffer()));
    tell(`The network ${file.name} is ready.`);
    await work();
  });
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  find("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    find("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });
}

queue(async () => {
  ort.env.wasm.wasmPaths = new URL("ort/", location.href).href;
  ort.env.wasm.numThreads = 1; // more need headers that simple servers do not send
  const answer = await fetch("model.onnx");
  if (!answer.ok) throw new Error("there is no model.onnx beside this page; choose a network.");
  await openNetwork(new Uint8Array(await answer.arrayBuffer()));
  tell(`The network${network.name ? ` "${network.name}"` : ""} is ready.`);
});
