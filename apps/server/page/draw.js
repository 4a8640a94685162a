// Drawing.
let current = null, live = false, told = null, latency = null, drawn = [];
// In the page's language, whichever that is to become.
function tell(...text) { told = text; showTold(); }
function showTold() {
  $("status").textContent = told ? t(...told) : "";
  $("status").classList.toggle("bad", told?.[0] == "failed");
  $("latency").textContent = latency ? t("latency", ...latency) : "";
}
// What one has drawn outlives loading the page again, in this tab.
function keep() { try { sessionStorage.setItem("board", sheets[0].layer.toDataURL()); sessionStorage.setItem("prompt", $("prompt").value); } catch { /* too large */ } }
async function restore() {
  const lines = new Image();
  lines.src = sessionStorage.getItem("board") || "";
  await lines.decode().then(() => sheets[0].ink.drawImage(lines, 0, 0, board.width, board.height), () => {});
  showBoard();
  $("prompt").value = sessionStorage.getItem("prompt") || $("prompt").value;
}
addEventListener("pagehide", () => { if (sheets.length) keep(); });
function changed() { if (live) draw(true); }
async function draw(isLive = false) {
  const begun = performance.now(), body = settings();
  if (isLive) body.steps = +$("live-steps").value;
  const older = current, mine = current = {id: null, begun, isLive};
  if (isLive && older) giveUp(older);
  tell("preparing");
  $("cancel").disabled = false;
  if (!isLive && matchMedia("(max-width: 40rem)").matches) $("result").scrollIntoView({block: "center", behavior: "smooth"});
  try {
    const job = await (await post("/api/v1/jobs", body)).json();
    mine.id = job.id;
    if (mine.dropped) {  // before the server had told its name
      giveUp(mine);
      if (current == mine) { current = null; $("cancel").disabled = true; tell("cancelled"); }
      return;
    }
    await follow(mine);
  } catch (error) { if (current == mine) { current = null; $("cancel").disabled = true; tell("failed", error.message); } }
  showJobs();
}
function giveUp(job) { job.dropped = true; if (job.id) ask("/api/v1/jobs/" + job.id, {method: "DELETE"}).catch(() => {}); }
// Reads a job's events until it has ended.
async function follow(job) {
  const reader = (await ask(`/api/v1/jobs/${job.id}/events`)).body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) break;
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const data = event.split("\n").find(line => line.startsWith("data: "));
      if (data && current == job) showStatus(job, JSON.parse(data.slice(6)));
    }
  }
}
// One at a time: the next is asked for when the last is shown.
async function showPreview(job, count) {
  if (job.asking || count <= (job.seen || 0)) return;
  job.asking = true;
  job.seen = count;
  try {
    const url = URL.createObjectURL(await (await ask(`/api/v1/jobs/${job.id}/preview`)).blob());
    if (current == job) {
      const older = $("result").src;
      $("result").src = url;
      $("result").dataset.preview = job.id;
      job.firstSeen ||= performance.now();
      if (older.startsWith("blob:") && job.previewUrl == older) URL.revokeObjectURL(older);
      job.previewUrl = url;
    }
  } catch { /* it has ended meanwhile */ }
  job.asking = false;
}
let shownJob = null;  // whose picture is the large one
$("open-result").onclick = $("result").onclick = () => { if (shownJob) view(shownJob); };
$("keep-seed").onclick = () => { $("seed").value = shownJob.settings.seed; };
async function showStatus(job, status) {
  $("progress").value = status.progress;
  if (status.state == "drawing") showPreview(job, status.previews);
  if (status.state == "waiting") tell("waiting", status.place);
  else if (status.state == "drawing") tell(...(status.stage == "denoise" ? ["drawing", status.step, status.steps] : status.stage == "decode" ? ["decoding"] : ["preparing"]));
  else {
    current = null;
    $("cancel").disabled = true;
    if (status.state == "done") {
      $("progress").value = 1;
      $("result").src = await pictureUrl(`/api/v1/jobs/${job.id}/images/0${job.isLive ? "?format=jpeg" : ""}`);
      $("result").alt = t("resultOf", status.settings.prompt);
      $("result").dataset.job = job.id;
      $("result-tools").classList.remove("hidden");
      shownJob = status;
      const since = time => Math.round(time - job.begun), now = performance.now();
      latency = job.isLive ? [since(now), since(job.firstSeen || now)] : null;
      tell("done", status.seconds.toFixed(2));
    } else { $("progress").value = 0; tell(...(status.state == "cancelled" ? ["cancelled"] : ["failed", status.error])); }
    showJobs();
  }
}
$("start").onclick = () => draw();
$("cancel").onclick = () => { if (current) giveUp(current); };
$("live").onclick = () => { live = !live; $("live").setAttribute("aria-pressed", live); $("live-row").classList.toggle("hidden", !live); changed(); };
document.addEventListener("keydown", event => {
  const typing = /^(TEXTAREA|INPUT)$/.test(event.target.tagName);
  if ((event.ctrlKey || event.metaKey) && event.key == "Enter") { event.preventDefault(); draw(); }
  else if (event.key == "Escape" && current && !document.querySelector("dialog[open]")) giveUp(current);
  else if ((event.ctrlKey || event.metaKey) && event.key == "z" && !typing && canDraw()) { event.preventDefault(); $("undo").click(); }
});

// What is in line, and what has been drawn.
async function showJobs() {
  const {jobs} = await (await ask("/api/v1/jobs")).json();
  const open = jobs.filter(job => job.state == "waiting" || job.state == "drawing");
  $("queue").classList.toggle("hidden", !open.length);
  $("line").replaceChildren(...open.map(job => {
    const item = document.createElement("li"), text = document.createElement("span"), stop = document.createElement("button");
    text.textContent = `${job.settings.prompt} – ${job.state == "waiting" ? t("waiting", job.place) : t("drawing", job.step, job.steps)}`;
    stop.type = "button"; stop.textContent = t("cancel");
    stop.setAttribute("aria-label", `${t("cancel")}: ${job.settings.prompt}`);
    stop.onclick = () => giveUp(job);
    item.append(text, stop);
    return item;
  }));
  drawn = jobs.filter(job => job.state == "done").slice(0, 60);
  const shown = new Map([...$("gallery").children].map(item => [item.dataset.job, item]));
  $("gallery").replaceChildren(...drawn.map(job => shown.get(job.id) || galleryItem(job)));
  return open;
}
function galleryItem(job) {
  const item = document.createElement("li"), button = document.createElement("button"), image = document.createElement("img");
  item.dataset.job = job.id;
  image.alt = job.settings.prompt || t("picture");
  image.loading = "lazy";
  pictureUrl(`/api/v1/jobs/${job.id}/images/0?side=240&format=webp`).then(url => { image.src = url; }, () => item.remove());
  button.type = "button";
  button.append(image);
  button.onclick = () => view(job);
  item.append(button);
  return item;
}
async function view(job) {
  const url = await pictureUrl(`/api/v1/jobs/${job.id}/images/0`);
  $("viewer-image").src = url;
  $("viewer-image").alt = job.settings.prompt;
  $("viewer-text").replaceChildren(...toldOf(job.settings).flatMap(pair => pair.map((text, i) => {
    const part = document.createElement(i ? "dd" : "dt");
    part.textContent = text;
    return part;
  })));
  const at = drawn.findIndex(one => one.id == job.id);
  for (const [id, other] of [["viewer-newer", drawn[at - 1]], ["viewer-older", drawn[at + 1]]]) {
    $(id).disabled = at < 0 || !other;
    $(id).onclick = () => view(other);
  }
  $("viewer-use").onclick = () => { useSettings(job.settings); $("viewer").close(); };
  $("viewer-begin").onclick = async () => { $("viewer").close(); choose(sheets.at(-1)); takePhoto(await (await fetch(url)).blob()); };
  $("viewer-save").onclick = () => { const link = document.createElement("a"); link.href = url; link.download = `drypoint-${job.settings.seed}.png`; link.click(); };
  if (!$("viewer").open) $("viewer").showModal();
}
// What it was drawn with: the usual of a model is left out.
function toldOf(settings) {
  const always = ["prompt", "size", "steps", "sampler", "seed"];
  const isTold = ([name, value]) => always.includes(name) || (value !== "" && value !== null && value.length !== 0 && String(value) != String(info.defaults[name] ?? ""));
  const steers = one => `${one.name || one.preprocessor}: ${one.preprocessor}, ${one.weight}, ${one.start} – ${one.end}, ${one.mode}`;
  return Object.entries(settings).filter(isTold).map(([name, value]) => [name.replaceAll("_", " "), name == "controls" ? value.map(steers).join("; ") : String(value)]);
}
$("viewer").addEventListener("keydown", event => { const id = {ArrowLeft: "viewer-newer", ArrowRight: "viewer-older"}[event.key]; if (id) $(id).click(); });
$("viewer-close").onclick = () => $("viewer").close();
setInterval(() => { if (!document.hidden) showJobs().catch(() => {}); }, 2000);

(async () => {
  showTexts();
  try {
    info = await (await ask("/api/v1/info")).json();
    fill($("model"), info.models, info.model);
    $("models-row").classList.toggle("hidden", info.models.length < 2);
    fill($("sampler"), info.samplers, info.defaults.sampler);
    fill($("schedule"), info.schedules, info.defaults.schedule);
    fill($("lora"), info.loras);
    fill($("preprocessor"), info.preprocessors.map(one => one.name).filter(name => !name.startsWith("inpaint")));
    fill($("control"), info.controls);
    $("steps").max = info.limits.steps;
    const sides = [];
    for (let side = 64; side <= 2048 && side * 64 <= info.limits.pixels; side += 64) sides.push(side);
    for (const id of ["width", "height"]) fill($(id), sides, info.defaults.resolution);
    sheets = [newSheet(false), newSheet(true)];
    sheet = sheets[0];
    for (const one of sheets) one.control = info.controls[0] || "";
    useSettings({...info.defaults, seed: -1});
    resize();
    await restore();
    showTexts();
    const open = await showJobs();
    // A page that is loaded again goes on watching what it had begun.
    const own = open.filter(job => job.api == "jobs").at(-1);
    if (own && !current) { current = {id: own.id}; $("cancel").disabled = false; await follow(current); }
  } catch (error) { tell("failed", error.message); }
})();
