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

// More than numbers has changed: takes over the regions of the page as the server writes it now.
async function drawAnew(places) {
  const response = await fetchNow(location.pathname);
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  document.title = fresh.title;
  for (const place of places) {
    const name = CSS.escape(place.dataset.service);
    const source = fresh.querySelector(`[data-service="${name}"]`);
    if (source === null) continue;
    for (const region of place.querySelectorAll("[data-region]")) {
      const drawn = source.querySelector(`[data-region="${CSS.escape(region.dataset.region)}"]`);
      const isSame = drawn === null || drawn.innerHTML === region.innerHTML;
      if (!isSame && !isInUse(region)) region.replaceChildren(...document.importNode(drawn, true).childNodes);
    }
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
for (const button of document.querySelectorAll("[data-copy]")) offerCopy(button);
