"""What is used where the user names nothing: which images, which preset."""

from pathlib import Path

# Kaggle has mounted a competition's files at the first place, and mounts them at the second now.
KAGGLE_DATA = (
    Path("/kaggle/input/gan-getting-started"),
    Path("/kaggle/input/competitions/gan-getting-started"),
)
SYNTHETIC_DATA = Path("data/synthetic")


def kaggle_data() -> Path | None:
    """The competition's folder, where this is a Kaggle machine that has it."""
    return next((folder for folder in KAGGLE_DATA if folder.is_dir()), None)


def synthetic_data(
    folder: Path = SYNTHETIC_DATA, *, size: int = 256, count: int = 200, why: str
) -> Path:
    """The synthetic set, written if it is not there.

    Args:
        folder: where it is, or goes.
        size: pixels a side, where it has to be written.
        count: images of each domain, where it has to be written.
        why: what the line for the user begins with.

    Returns:
        The folder.

    Raises:
        InputError: if it cannot be written.
    """
    if folder.is_dir():
        print(f"{why}: using the synthetic set in {folder}")
        return folder
    from cyclegan_tf.demo import write_demo

    print(f"{why}: writing the synthetic set to {folder} ...", flush=True)
    write_demo(folder, size=size, count=count)
    return folder


def default_preset(model: str, data: str) -> str:
    """The preset for this model and these images on this machine."""
    if model == "dcgan":
        return "dcgan"
    if data == str(SYNTHETIC_DATA):
        return "demo"
    from cyclegan_tf.distribution import runtime

    return "kaggle" if runtime.has_accelerator() else "cpu"
