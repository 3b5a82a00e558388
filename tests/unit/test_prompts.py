import re
from pathlib import Path

import pytest

from tui.errors import ConfigError
from tui.model.prompts import PromptLibrary, fill, parse_prompt, uses
from tui.paths import shipped

GOOD = 'name = "Mine"\nturn = "{{turn}}?"\nsession = "{{transcript}}?"\n'

TUTORIAL = {
    "summary": "Provide a brief summary of the transcript.",
    "actions": "Generate a set of action items from this transcript.",
    "takeaway": "What’s the main take-away from the transcript?",
    "improve": "Provide an analysis of the transcript and offer areas to improve with exact quotes.",
}


def bundled() -> PromptLibrary:
    return PromptLibrary.load(shipped("prompts"))


def test_the_bundled_prompts_are_the_tutorials_word_for_word() -> None:
    library = bundled()
    assert not library.problems
    assert {prompt.id: prompt.turn for prompt in library if prompt.id in TUTORIAL} == {
        id: f"{asked}\n\nTranscript: {{{{turn}}}}" for id, asked in TUTORIAL.items()
    }
    assert {prompt.id: prompt.session for prompt in library if prompt.id in TUTORIAL} == {
        id: f"{asked}\n\nTranscript: {{{{transcript}}}}" for id, asked in TUTORIAL.items()
    }


def test_the_default_prompt_stands_first() -> None:
    first = next(iter(bundled()))
    assert first.turn == "Provide a brief summary of the transcript.\n\nTranscript: {{turn}}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "mine.toml: Invalid value"),
        ('name = "Mine"', "mine.toml: Object missing required field `turn`"),
        (GOOD + 'colour = "red"', "mine.toml: Object contains unknown field `colour`"),
        (GOOD + "max_tokens = 0", "mine.toml: Expected `int` >= 1"),
        (GOOD + "model = 3", "mine.toml: Expected `str | null`"),
        (GOOD.replace("{{turn}}", "{{ turn }}"), "mine.toml: turn lacks {{turn}}."),
        (GOOD.replace("{{transcript}}", "{{turn}}"), "mine.toml: session lacks {{transcript}}."),
    ],
)
def test_a_broken_prompt_says_where_and_what(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(complaint)}") as broken:
        parse_prompt(text, "mine", "mine.toml")
    assert broken.value.hint


def test_a_prompt_may_ask_another_model() -> None:
    prompt = parse_prompt(GOOD + 'model = "big"\nmax_tokens = 9', "mine", "mine.toml")
    assert (prompt.id, prompt.model, prompt.max_tokens) == ("mine", "big", 9)


def test_a_number_before_the_name_orders_prompts_and_is_no_part_of_their_id(tmp_path: Path) -> None:
    for name in ("2-b", "1-c", "a", "3d-plan"):
        (tmp_path / f"{name}.toml").write_text(GOOD)
    assert [prompt.id for prompt in PromptLibrary.load(tmp_path)] == ["c", "b", "3d-plan", "a"]


def test_a_user_prompt_replaces_the_built_in_one(tmp_path: Path) -> None:
    (tmp_path / "summary.toml").write_text(GOOD)
    (tmp_path / "extra.toml").write_text(GOOD)
    library = PromptLibrary.load(shipped("prompts"), tmp_path)
    assert [prompt.id for prompt in library] == [*TUTORIAL, "translation", "minutes", "extra"]
    assert library["summary"].name == "Mine"


def test_a_broken_file_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("name = ")
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "good.toml").write_text(GOOD)
    library = PromptLibrary.load(tmp_path, tmp_path / "missing")
    assert [prompt.id for prompt in library] == ["good"]
    assert len(library) == 1
    assert sorted(Path(problem.message.partition(":")[0]).name for problem in library.problems) == [
        "bad.toml",
        "folder.toml",
        "latin.toml",
    ]


def test_an_unknown_prompt_lists_the_available_ones() -> None:
    with pytest.raises(ConfigError, match="There is no prompt 'nope'") as missing:
        bundled()["nope"]
    assert missing.value.hint == "Available prompts: summary, actions, takeaway, improve, translation, minutes."


def test_variables_are_replaced_and_what_the_endpoint_replaces_stays() -> None:
    prompt = parse_prompt(
        GOOD.replace("{{turn}}?", "{{language}}, {{title}}, {{speakers}}, {{other}}: {{turn}}"), "m", "m"
    )
    filled = fill(prompt, {"language": "German", "title": "On {{turn}}", "speakers": "Ann, Bob"})
    assert filled.turn == "German, On { {turn} }, Ann, Bob, {{other}}: {{turn}}"
    assert uses(prompt, "title")
    assert not uses(filled, "title")


def test_translation_and_minutes_are_bundled_in_the_language_of_the_setting() -> None:
    library = bundled()
    assert "{{language}}" in library["translation"].turn
    assert all(variable in library["minutes"].session for variable in ("{{language}}", "{{title}}", "{{speakers}}"))
