"""LangServe's two playgrounds in a real Chromium, on real services."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, async_playwright, expect
from tests.conftest import Service

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    # A browser does not see where the record is.
    pytest.mark.parametrize("record_kind", ["sqlite"], indirect=True, scope="session"),
]

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Root needs --no-sandbox; the rest keeps Chromium from calling home.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PAGE_TIMEOUT = 15_000  # milliseconds; two cores may be busy with other tests
OFTEN = 20  # milliseconds between two looks at a text that grows
ENTER_EVERY = 500  # milliseconds
SAY_TIMEOUT = 20_000  # milliseconds


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"no Chromium on this machine (looked for {', '.join(CHROMIUM)})")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=found, args=FLAGS)
        expect.set_options(timeout=PAGE_TIMEOUT)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context()
    context.set_default_timeout(PAGE_TIMEOUT)
    yield await context.new_page()
    await context.close()


@dataclass
class Playground:
    """The default page of a graph that takes messages."""

    page: Page

    async def open(self, service: Service, graph: str) -> "Playground":
        await self.page.goto(f"{service.url}/graphs/{graph}/playground/")
        await self.page.locator("button").first.click()  # a first message
        return self

    async def start(self, text: str, *, thread: str = "", command: str = "{}") -> None:
        boxes = self.page.locator("textarea")
        await boxes.nth(0).fill(thread)
        await boxes.nth(1).fill(text)
        await boxes.nth(2).fill(command)
        await self.page.get_by_role("button", name="Start").click()

    async def shows(self, text: str) -> None:
        await expect(self.page.locator("body")).to_contain_text(text)


@dataclass
class Chat:
    """The chat page of a graph."""

    page: Page

    async def open(self, service: Service, graph: str, query: str = "") -> "Chat":
        async with self.knows_its_input():
            await self.page.goto(f"{service.url}/graphs/{graph}/chat/playground/{query}")
        return self

    async def reload(self) -> None:
        async with self.knows_its_input():
            await self.page.reload()

    @asynccontextmanager
    async def knows_its_input(self) -> AsyncIterator[None]:
        """Until it has the schemas the page sends input of a wrong shape, which is refused."""
        async with (
            self.page.expect_response("**/input_schema*"),
            self.page.expect_response("**/output_schema*"),
        ):
            yield
        await self.page.wait_for_load_state("networkidle")

    async def say(self, text: str) -> None:
        box = self.page.get_by_placeholder("Send a message")
        await box.fill(text)
        # The page ignores Enter until the last answer's stream is closed, and keeps the text.
        # A second Enter before the page has taken the first would send the text twice.
        for passed in range(SAY_TIMEOUT // OFTEN):
            if not await box.input_value():
                return
            if passed % (ENTER_EVERY // OFTEN) == 0:
                await box.press("Enter")
            await self.page.wait_for_timeout(OFTEN)
        raise AssertionError(f"the page does not take {text!r}")

    async def shows(self, text: str) -> None:
        await expect(self.page.locator("body")).to_contain_text(text)

    async def shows_all(self, *said: str) -> None:
        """The whole conversation on the page; each message is in a text area, the newest first."""
        boxes = self.page.locator("textarea:not([placeholder])")
        await expect(boxes).to_have_count(len(said))
        for box, text in zip(await boxes.all(), reversed(said), strict=True):
            await expect(box).to_have_value(text)

    async def thread(self) -> str:
        (cookie,) = await self.page.context.cookies(self.page.url)
        return str(cookie["value"])


async def sizes(page: Page, start: str, end: str) -> set[int]:
    """The lengths that a text had which grew from `start` to `end`."""
    await expect(page.locator("body")).to_contain_text(start)
    seen = set()
    while True:
        text = await page.locator("body").inner_text()
        seen.add(len(text))
        if end in text:
            return seen
        await page.wait_for_timeout(OFTEN)


def statuses(service: Service, thread: str) -> list[str]:
    runs = httpx.get(f"{service.url}/threads/{thread}/runs").json()
    return [run["status"] for run in runs]


def messages(service: Service, thread: str) -> list[str]:
    state = httpx.get(f"{service.url}/threads/{thread}/state").json()
    return [message["content"] for message in state["values"]["messages"]]


async def until_said(page: Page, service: Service, thread: str, *words: str) -> None:
    while tuple(messages(service, thread)[-len(words) :]) != words:
        await page.wait_for_timeout(OFTEN)


async def until_stopped(page: Page, service: Service, thread: str) -> None:
    while statuses(service, thread)[0] in ("pending", "running"):
        await page.wait_for_timeout(OFTEN)
    assert statuses(service, thread)[0] == "interrupted"


async def test_the_playground_streams_tokens(page: Page, plain: Service) -> None:
    playground = await Playground(page).open(plain, "slow")
    await playground.start("count 20 0.05")
    assert len(await sizes(page, "t0 t1", "t18 t19")) >= 5


async def test_the_playground_shows_tool_calls_and_results(page: Page, plain: Service) -> None:
    playground = await Playground(page).open(plain, "agent")
    await playground.start("go")
    await playground.shows("→ add(a=2, b=3)")
    await playground.shows("← add: 5")
    await playground.shows("The answer is 5")


async def test_the_playground_goes_on_with_a_thread(page: Page, plain: Service) -> None:
    thread = str(uuid4())
    playground = await Playground(page).open(plain, "chat")
    await playground.start("I am Ada", thread=thread)
    await playground.shows("You are Ada")
    await playground.start("who am I?")
    await playground.shows("I don't know you")
    await playground.start("who am I?", thread=thread)
    await playground.shows("You are Ada")
    assert len(messages(plain, thread)) == 4


async def test_the_playground_asks_and_takes_the_answer(page: Page, shipped: Service) -> None:
    thread = str(uuid4())
    playground = await Playground(page).open(shipped, "approval")
    await playground.start("note that milk is out", thread=thread)
    await playground.shows("Waiting for your approval:")
    await playground.shows("save_note(text='milk is out')")
    await playground.shows('write {"resume": "…"} with your answer into COMMAND')
    await playground.start("", thread=thread, command='{"resume": "yes"}')
    await playground.shows("I noted: “milk is out”")


async def test_an_interrupt_without_a_thread_says_what_is_missing(
    page: Page, shipped: Service
) -> None:
    playground = await Playground(page).open(shipped, "approval")
    await playground.start("note that milk is out")
    await playground.shows("This run has no THREAD ID, so its question cannot be answered.")


async def test_stop_stops_the_run(page: Page, plain: Service) -> None:
    thread = str(uuid4())
    playground = await Playground(page).open(plain, "slow")
    await playground.start("count 100 0.05", thread=thread)
    await playground.shows("t0 t1")
    await page.get_by_role("button", name="Stop").click()
    await until_stopped(page, plain, thread)


async def test_the_playground_shows_why_a_run_failed(page: Page, plain: Service) -> None:
    await page.goto(f"{plain.url}/graphs/boom/playground/")
    await page.locator("textarea").nth(1).fill("x")
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("body")).to_contain_text("The run failed. ValueError: boom: x")


async def test_the_chat_page_streams_word_by_word(page: Page, plain: Service) -> None:
    chat = await Chat(page).open(plain, "slow")
    await chat.say("count 20 0.05")
    assert len(await sizes(page, "t0 t1", "t18 t19")) >= 5


@pytest.mark.parametrize("query", ["", "?thread_id=phone"])
async def test_the_chat_page_fits_a_phone(page: Page, plain: Service, query: str) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    chat = await Chat(page).open(plain, "chat", query)
    said = "I am Ada, and what I have to say is longer than a line of a phone can ever be."
    await chat.say(said)
    await chat.shows(said)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    for box in await page.locator("textarea").all():
        place = await box.bounding_box()
        assert place is not None
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= 390


async def test_the_chat_page_remembers_and_repeats_nothing(page: Page, plain: Service) -> None:
    chat = await Chat(page).open(plain, "chat")
    await chat.say("I am Ada")
    await chat.shows("You are Ada")
    await chat.say("who am I?")
    said = ["I am Ada", "You are Ada", "who am I?", "You are Ada"]
    await chat.shows_all(*said)
    assert messages(plain, await chat.thread()) == said


async def test_a_reload_begins_anew_and_a_thread_id_resumes(page: Page, plain: Service) -> None:
    chat = await Chat(page).open(plain, "chat")
    await chat.say("I am Ada")
    await chat.shows("You are Ada")
    thread = await chat.thread()
    await chat.reload()
    assert await chat.thread() != thread
    await chat.say("who am I?")
    await chat.shows("I don't know you")
    await chat.open(plain, "chat", f"?thread_id={thread}")
    await chat.say("who am I?")
    await chat.shows("You are Ada")


async def test_the_chat_page_asks_and_takes_the_answer(page: Page, shipped: Service) -> None:
    chat = await Chat(page).open(shipped, "approval")
    await chat.say("note that milk is out")
    await chat.shows("Waiting for your approval:")
    await chat.say("yes")
    await chat.shows("I noted: “milk is out”")


async def test_closing_the_chat_page_stops_the_run(page: Page, plain: Service) -> None:
    chat = await Chat(page).open(plain, "slow")
    await chat.say("count 100 0.05")
    await chat.shows("t0 t1")
    thread = await chat.thread()
    other = await page.context.new_page()
    await page.close()
    await until_stopped(other, plain, thread)


async def test_open_pages_go_on_after_a_crash(
    browser: Browser, plain: Service, service_at: Callable[..., Service]
) -> None:
    service = service_at(plain.config).start()
    thread = str(uuid4())
    async with await browser.new_context() as context:
        chat = await Chat(await context.new_page()).open(service, "chat")
        playground = await Playground(await context.new_page()).open(service, "chat")
        await chat.say("I am Ada")
        await chat.shows("You are Ada")
        await playground.start("I am Bo", thread=thread)
        await playground.shows("You are Bo")
        service.kill()
        service.start()
        await chat.say("who am I?")
        await chat.shows_all("I am Ada", "You are Ada", "who am I?", "You are Ada")
        await playground.start("who am I?", thread=thread)
        await playground.shows("You are Bo")
        await until_said(playground.page, service, thread, "who am I?", "You are Bo")


async def test_the_pages_work_with_no_network_but_the_service(page: Page, shipped: Service) -> None:
    asked_outside: list[str] = []

    async def stay_inside(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            await route.continue_()
        else:
            asked_outside.append(route.request.url)
            await route.abort()

    await page.route("**/*", stay_inside)
    for graph in ("agent", "planner", "translator", "approval", "subgraphs"):
        await page.goto(f"{shipped.url}/graphs/{graph}/playground/")
        await expect(page.get_by_role("button", name="Start")).to_be_visible()
    for graph in ("agent", "planner", "approval", "subgraphs"):
        await page.goto(f"{shipped.url}/graphs/{graph}/chat/playground/")
        await expect(page.get_by_placeholder("Send a message")).to_be_visible()
    assert asked_outside == []
