"""`livegist serve`: the local gateway."""

from typing import Any

import click

from tui.cli import completion
from tui.cli.options import Flags, flags_from
from tui.credentials import SERVE_TOKEN

REPLICAS = ("min_replicas", "max_replicas", "replica_cpus", "replica_gpus")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need --token.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port; 0 selects a free one."
)
@click.option(
    "--model",
    shell_complete=completion.speech_models,
    help="Speech model: a name from `livegist models`, OWNER/NAME on the hub, or a folder.",
)
@click.option("--download", is_flag=True, help="Download the model first if it is not on this machine.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Device for the speech model.")
@click.option("--turn-model", metavar="FILE", help="End-of-turn model: an ONNX file of Smart Turn v3, or off.")
@click.option(
    "--speaker-model", metavar="FILE", help="Speaker model: an ONNX file of WeSpeaker, 3D-Speaker or ReDimNet2."
)
@click.option("--voices", metavar="FILE", hidden=True, help="File of known voices, for the engine of the same user.")
@click.option("--llm-url", metavar="URL", help="OpenAI-compatible LLM server; default: the setting llm_url.")
@click.option("--llm-model", metavar="NAME", help="Model of the LLM server, whatever a client requests.")
@click.option("--llm-file", metavar="FILE", type=click.Path(dir_okay=False), help="GGUF model to use as the LLM.")
@click.option("--token", envvar=SERVE_TOKEN, show_envvar=True, help="Key that clients must send.")
@click.option("--tls", is_flag=True, help="Encrypt, with a certificate that is made and kept for this machine.")
@click.option(
    "--tls-cert", metavar="FILE", type=click.Path(dir_okay=False), help="Encrypt with this certificate (PEM)."
)
@click.option("--tls-key", metavar="FILE", type=click.Path(dir_okay=False), help="Private key of --tls-cert.")
@click.option("--max-sessions", type=click.IntRange(1), help="Maximum number of concurrent sessions.")
@click.option(
    "--max-session", "max_session_s", type=click.FloatRange(1), help="Maximum duration of a session, in seconds."
)
@click.option(
    "--cluster",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value="local",
    help="Serve on a Ray cluster; without an address, on one that this command starts on this machine.",
)
@click.option("--min-replicas", type=click.IntRange(1), help="With --cluster: fewest replicas.  [default: 1]")
@click.option("--max-replicas", type=click.IntRange(1), help="With --cluster: most replicas.  [default: 4]")
@click.option(
    "--replica-cpus", type=click.FloatRange(0), help="With --cluster: CPUs per recogniser replica.  [default: 1]"
)
@click.option(
    "--replica-gpus", type=click.FloatRange(0), help="With --cluster: GPUs per recogniser replica.  [default: 0]"
)
@click.option("--exit-with-stdin", is_flag=True, help="Exit when standard input ends.")
def serve(host: str, port: int, cluster: str | None, **flags: Any) -> None:
    """Serve Streaming v3 and chat completions on this machine, or on a Ray cluster.

    Point any Streaming v3 client at it. Prints one line of JSON once it listens.
    """
    import os

    # The threads of numpy's BLAS wait in a busy loop, which takes a sixth of the recogniser's time. Read at its import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from tui.config.load import load
    from tui.credentials import api_key, llm_key
    from tui.engine.gateway_process import is_installed
    from tui.errors import MissingExtraError
    from tui.llm.client import is_vendor

    if flags["tls_key"] and not flags["tls_cert"]:
        raise click.UsageError("--tls-key needs --tls-cert.")
    if not is_installed():
        raise MissingExtraError("The local gateway", "local")
    from tui.gateway.options import GatewayOptions

    replicas = flags_from({name: flags.pop(name) for name in REPLICAS})
    if replicas and cluster is None:
        raise click.UsageError("Replicas need --cluster.")
    if flags["voices"] and cluster:
        raise click.UsageError("--voices needs one process: leave out --cluster.")
    config = load().config
    llm_url = flags.pop("llm_url") or ("" if flags["llm_file"] else config.llm_url)
    key = llm_key() or (api_key() if is_vendor(llm_url) else "")
    options: Flags = {
        "model": config.local_model,
        "device": config.local_device,
        "turn_model": config.local_turn_model,
        "speaker_model": config.local_speaker_model,
        "llm_url": llm_url,
        "llm_key": key,
    }
    download = flags.pop("download")
    chosen = GatewayOptions(**(options | flags_from(flags)))
    if download:
        from tui.cli.models import fetch

        fetch(chosen.model)
    if cluster is None:
        from tui.gateway.app import serve as run

        run(chosen, host, port)
    else:
        from tui.cluster.options import ClusterOptions
        from tui.cluster.running import run as run_on_cluster

        run_on_cluster(ClusterOptions(gateway=chosen, **replicas), cluster, host, port)
