"""The command line: the only place that builds things."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tui import __version__
from tui.errors import EngineError, LivegistError, UsageError

if TYPE_CHECKING:
    from tui.config import Settings
    from tui.engine.engine import Engine
    from tui.model.commands import Start
    from tui.model.events import Event

Flags = dict[str, Any]


class Group(click.Group):
    """A group whose commands end with two lines when something is wrong: what, and what to do."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn what a person can mend into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except LivegistError as error:
            fail(error)


def fail(error: LivegistError) -> NoReturn:
    """Print what happened and what to do, and exit."""
    click.echo(f"livegist: {error.message}", err=True)
    if error.hint:
        click.echo(error.hint, err=True)
    sys.exit(error.exit_code)


def session_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how a session runs."""
    for option in reversed(
        [
            click.option("--source", metavar="SOURCE", help="mic, mic:NAME, a file, - (stdin) or cmd:PROGRAM."),
            click.option("--url", metavar="URL", help="Streaming v3 endpoint, such as wss://HOST."),
            click.option("--engine", metavar="ENGINE", help="Who recognises speech: cloud, local or auto."),
            click.option("--llm-url", metavar="URL", help="OpenAI-compatible server that answers prompts."),
            click.option("--prompt", metavar="ID", help="Prompt to start with; see `livegist prompts list`."),
            click.option("--speech-model", metavar="NAME", help="The endpoint's speech model."),
            click.option("--llm-model", metavar="NAME", help="The model that answers prompts."),
        ]
    ):
        command = option(command)
    return command


@click.group(cls=Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="livegist", message="%(prog)s %(version)s")
@session_options
@click.pass_context
def main(context: click.Context, /, **flags: str | None) -> None:
    """Watch live speech in a terminal: level, turns, and what an LLM makes of them.

    Without a command it opens the dashboard: on the session that is under way, else on a new engine. Press s there to
    start, ? for all keys.
    """
    if context.invoked_subcommand is None:
        _dashboard(_given(flags))
    elif _given(flags):
        raise click.UsageError("Options come after the command.", context)


@main.command()
@session_options
def demo(**flags: str | None) -> None:
    """Watch a recorded meeting as if it were live: no key, no microphone."""
    from tui.model.commands import Start
    from tui.paths import demo_recording

    options: Flags = {"source": str(demo_recording()), "engine": "local"} | _given(flags)
    _dashboard(options, start=Start(options))


@main.command()
@session_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def stream(as_json: bool, **flags: str | None) -> None:
    """Print turns and answers as lines, without a screen.

    It ends by itself when a file has been heard out; ctrl+c stops a live source gracefully.
    """
    import asyncio

    from tui import streaming
    from tui.sessions.store import Store

    options = _given(flags)
    _settings(options)
    failure = asyncio.run(
        streaming.stream(
            as_json=as_json, flags=options, store=Store(_sessions_dir()), prompt_folders=_prompts(), log_file=_log()
        )
    )
    if failure is not None:
        raise failure


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need --token.")
@click.option("--port", default=8765, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--model", help="Whisper model: a name faster-whisper knows, or a folder.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where the model runs.")
@click.option("--llm-url", metavar="URL", help="OpenAI-compatible server that answers prompts.")
@click.option("--llm-model", metavar="NAME", help="Model to ask there, whatever a client names.")
@click.option("--llm-file", metavar="FILE", type=click.Path(dir_okay=False), help="GGUF model that answers prompts.")
@click.option("--token", envvar="LIVEGIST_TOKEN", help="What clients must present as their key.")
@click.option("--max-sessions", type=click.IntRange(1), help="Sessions at a time.")
@click.option("--max-session", "max_session_s", type=click.FloatRange(1), help="Longest session, in seconds.")
@click.option("--exit-with-stdin", is_flag=True, help="Leave when standard input ends.")
def serve(host: str, port: int, **given: Any) -> None:
    """Serve Streaming v3 and chat completions on this machine, with Whisper.

    Point any Streaming v3 client at it. Prints one line of JSON once it listens.
    """
    from tui.config import llm_key, load
    from tui.engine.local import installed
    from tui.errors import MissingExtra

    if not installed():
        raise MissingExtra("The local gateway", "local")
    from tui.gateway.app import serve as run
    from tui.gateway.options import GatewayOptions

    config = load().config
    options: Flags = {"model": config.local_model, "device": config.local_device, "llm_key": llm_key()}
    run(GatewayOptions(**(options | _given(given))), host, port)


@main.command()
def attach() -> None:
    """Open the dashboard on the engine that is running."""
    from tui.engine.process import running
    from tui.paths import runtime_dir

    if not running(runtime_dir()):
        raise EngineError("No engine is running.", "Start one with: livegist")
    _dashboard({})


@main.command()
def stop() -> None:
    """Stop the session gracefully and end the engine."""
    import asyncio

    from tui.engine.client import EngineClient
    from tui.engine.process import SOCKET, running
    from tui.paths import runtime_dir

    folder = runtime_dir()
    if not running(folder):
        click.echo("No engine is running.")
        return
    asyncio.run(_stop(EngineClient(folder / SOCKET)))


async def _stop(client: Any) -> None:
    """Ask the engine to end, and say how the session does."""
    from tui.model.commands import Quit
    from tui.model.events import SessionStarted, Snapshot, StateChanged

    path = ""
    async for event in client.events():
        match event:
            case Snapshot(state=state, session=session):
                path = session.path if session is not None else ""
                if state.active:
                    click.echo("Stopping: sending what is left, waiting for what is still to come …")
                await client.send(Quit())
            case SessionStarted(session=session):
                path = session.path
            case StateChanged(state=state, why=why) if why:
                click.echo(f"{state}: {why}")
    click.echo(f"Stopped. The session is kept in {path}" if path else "Stopped.")


@main.command()
def devices() -> None:
    """List what there is to record from."""
    from tui.audio.devices import list_devices

    found = list_devices()
    for device in found:
        mark = "*" if device.default else " "
        click.echo(f"{mark} {device.name}  ({device.host_api}, {device.channels} ch, {device.default_rate:.0f} Hz)")
    if not found:
        raise UsageError("There is no device to record from.", "See `livegist doctor`; a file or cmd:PROGRAM works.")
    click.echo("* is the default. Use one by a part of its name: livegist --source mic:NAME", err=True)


@main.command()
def doctor() -> None:
    """Check what livegist needs, and say what to do about what is missing."""
    from tui.doctor import examine

    findings = list(examine())
    for finding in findings:
        click.echo(f"{'ok  ' if finding.well else 'NOT '} {finding.what}")
        if finding.hint:
            click.echo(f"     {finding.hint}")
    if not all(finding.well or finding.optional for finding in findings):
        sys.exit(1)


@main.group()
def config() -> None:
    """Look at the settings."""


@config.command("show")
def config_show() -> None:
    """Print all settings as a config file, each with where it comes from."""
    from tui.config import load, shown

    click.echo(shown(load()))


@config.command("path")
def config_path() -> None:
    """Print where the config file is, or would be."""
    from tui.paths import config_file

    click.echo(config_file())


@main.group()
def prompts() -> None:
    """Look at the prompts."""


@prompts.command("list")
def prompts_list() -> None:
    """List the prompts, in the order of their keys."""
    from tui.model.prompts import PromptLibrary

    library = PromptLibrary.load(*_prompts())
    for key, prompt in enumerate(library, 1):
        click.echo(f"{key if key < 10 else ' '}  {prompt.id:<12} {prompt.name}")
    click.echo(f"Add your own as {_prompts()[-1]}/NAME.toml", err=True)
    for problem in library.problems:
        click.echo(f"livegist: {problem.message}\n{problem.hint}", err=True)
    if library.problems:
        sys.exit(1)


@main.command(hidden=True)
def engine() -> None:
    """Run an engine behind its socket; the dashboard starts it."""
    import asyncio
    import logging

    from tui.engine.host import Host
    from tui.paths import runtime_dir

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(Host(runtime_dir(), _engine).run())


def _engine(tell: "Callable[[Event], None]") -> "Engine":
    from tui.engine.engine import Engine
    from tui.sessions.store import Store

    return Engine(tell, store=Store(_sessions_dir()), prompt_folders=_prompts(), log_file=_log())


def _dashboard(options: Flags, *, start: "Start | None" = None) -> None:
    """Open the dashboard, with an engine started for it if none is running."""
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError("The dashboard needs a terminal.", "Without one, use: livegist stream")
    if options.get("source") == "-":
        raise UsageError("The dashboard reads keys from stdin, not sound.", "Use: livegist stream --source -")
    from tui.engine.client import EngineClient
    from tui.engine.process import SOCKET, running, spawn
    from tui.paths import runtime_dir

    config = _settings(options).config
    folder = runtime_dir()
    if not running(folder):
        spawn(folder)
    from tui.viewer.app import LivegistApp

    app = LivegistApp(
        EngineClient(folder / SOCKET),
        theme=config.theme,
        fps=config.fps,
        keys=config.keys,
        start=start,
        options=options,
    )
    if farewell := app.run():
        click.echo(farewell)


def _settings(options: Flags) -> "Settings":
    """Return the settings with the flags on top, having checked them and the prompt's name.

    Raises:
        ConfigError: one of them is wrong.
    """
    from tui.config import load
    from tui.model.prompts import PromptLibrary

    settings = load(options)
    if "prompt" in options:
        PromptLibrary.load(*_prompts())[settings.config.prompt]
    return settings


def _given(flags: dict[str, Any]) -> Flags:
    """Return the flags that were given; a file's name becomes absolute, for the engine lives elsewhere."""
    given = {name: value for name, value in flags.items() if value not in (None, False)}
    source = given.get("source")
    if source and source not in ("-", "mic") and not source.startswith(("mic:", "cmd:")):
        given["source"] = str(Path(source).expanduser().absolute())
    return given


def _prompts() -> tuple[Path, ...]:
    from tui.paths import PACKAGE, config_dir

    return PACKAGE / "prompts", config_dir() / "prompts"


def _sessions_dir() -> Path:
    from tui.paths import sessions_dir

    return sessions_dir()


def _log() -> Path:
    from tui.paths import log_file

    return log_file()
