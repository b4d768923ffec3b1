"""Several files at once: those that fail are named together with the reason, and stay named while the others are colored."""

from contextlib import closing
from pathlib import Path
from typing import Any

from web_page import BROWSED, SAMPLES

pytestmark = BROWSED


def test_files_that_fail_are_named_with_the_reason(
    browser: Any, url: str, screen: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 90)
    files = [tmp_path / "text.jpg", SAMPLES / "chelsea.jpg", tmp_path / "broken.png", SAMPLES / "rocket.jpg"]  # fmt: skip
    with closing(
        browser.new_context(**screen)
    ) as context:  # the browser logs each refusal as an error
        page = context.new_page()
        page.goto(url)
        page.locator("#photos .colors input").first.wait_for(state="attached")
        page.locator("#photo-files").set_input_files(list(map(str, files)))
        page.wait_for_function(
            "() => document.querySelectorAll('.strip li img[src^=blob]').length === 2"
        )
        page.locator(".looks img[src^=blob]").nth(3).wait_for()
        said = page.locator("#message p").inner_text().splitlines()
        assert sorted(line.split(".")[0] for line in said) == ["broken", "text"]
        page.locator("#message .close").click()
        assert page.locator("#message").is_hidden()
