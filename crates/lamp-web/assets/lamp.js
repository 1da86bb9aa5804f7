// Lamplighter's one module. Every page is right without it; with it the numbers stay fresh.

const EVERY_MS = 1000;
const PATIENCE_MS = 5000;

const fetchNow = (url) => fetch(url, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });

// Writes the numbers that changed, and nothing else: no flicker, no lost selection.
function showNumbers(place, values) {
  for (const element of place.querySelectorAll("[data-live]")) {
    const text = values[element.dataset.live];
    if (text !== undefined && element.textContent !== text) element.textContent = text;
  }
  for (const element of place.querySelectorAll("[data-live-width]")) {
    const width = values[element.dataset.liveWidth];
    if (width !== undefined) element.setAttribute("width", width);
  }
}

// Someone is writing a reason: their form stays as it is.
function isInUse(region) {
  const field = region.querySelector("textarea");
  return field !== null && (field === document.activeElement || field.value !== "");
}

// The page as the server writes it now.
async function freshPage(address) {
  const response = await fetchNow(address);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function takeOver(place, source) {
  for (const region of place.querySelectorAll("[data-region]")) {
    const drawn = source.querySelector(`[data-region="${CSS.escape(region.dataset.region)}"]`);
    const isSame = drawn === null || drawn.innerHTML === region.innerHTML;
    if (!isSame && !isInUse(region)) region.replaceChildren(...document.importNode(drawn, true).childNodes);
  }
}

// More than numbers has changed: takes over the regions of the page.
async function drawAnew(places) {
  const fresh = await freshPage(location.pathname);
  document.title = fresh.title;
  for (const place of places) {
    const name = CSS.escape(place.dataset.service);
    const source = fresh.querySelector(`[data-service="${name}"]`);
    if (source === null) continue;
    takeOver(place, source);
    place.dataset.shape = source.dataset.shape;
  }
}

async function refresh(root, places) {
  const response = await fetchNow(root.dataset.poll);
  if (!response.ok) throw new Error(`status ${response.status}`);
  const body = await response.json();
  const shown = new Map((body.services ?? [body]).map((one) => [one.service, one.shown]));
  const moved = places.filter((place) => {
    const now = shown.get(place.dataset.service);
    return now !== undefined && now.shape !== place.dataset.shape;
  });
  if (moved.length > 0) await drawAnew(moved);
  for (const place of places) {
    const now = shown.get(place.dataset.service);
    if (now !== undefined) showNumbers(place, now.values);
  }
}

function say(isLive) {
  const status = document.querySelector("[data-live-status]");
  if (status === null) return;
  const text = isLive ? "live" : "not live: the server does not answer";
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("lost", !isLive);
  status.hidden = false;
}

async function keepFresh(root) {
  const places = root.matches("[data-service]") ? [root] : [...root.querySelectorAll("[data-service]")];
  if (places.length === 0) return;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    if (document.visibilityState === "hidden") continue;
    try {
      await refresh(root, places);
      say(true);
    } catch {
      say(false);
    }
  }
}

// A page that changes as a whole: taken over now and then, until the server says that it is done.
async function keepTaking(root) {
  while (root.dataset.refresh !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, Number(root.dataset.refresh)));
    if (document.visibilityState === "hidden") continue;
    try {
      const fresh = await freshPage(location.pathname + location.search);
      document.title = fresh.title;
      takeOver(root, fresh);
      if (fresh.querySelector("[data-refresh]") === null) delete root.dataset.refresh;
      say(true);
    } catch {
      say(false);
    }
  }
}

// A key presses what carries its name, unless somebody is typing or means the browser.
function pressByKey(event) {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]") !== null;
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const onControl = event.target.closest?.("a, button, summary") !== null;
  if (event.key === "Enter" && onControl) return;
  const target = [...document.querySelectorAll("[data-key]")]
    .find((element) => element.dataset.key.split(" ").includes(event.key) && !element.disabled && element.offsetParent !== null);
  if (target === undefined) return;
  event.preventDefault();
  target.click();
  const field = document.getElementById(target.dataset.focus ?? "");
  if (field !== null && field.offsetParent !== null) field.focus();
}

function offerCopy(button) {
  const source = document.getElementById(button.dataset.copy);
  if (source === null || navigator.clipboard === undefined) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
  });
}

for (const root of document.querySelectorAll("[data-poll]")) keepFresh(root);
for (const root of document.querySelectorAll("[data-refresh]")) keepTaking(root);
document.addEventListener("keydown", pressByKey);
for (const button of document.querySelectorAll("[data-copy]")) offerCopy(button);
