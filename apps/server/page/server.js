// Asking the server, with a key where it wants one.
let asking = null;
function askKey() {
  asking ||= new Promise(resolve => {
    $("ask-key").onclose = () => { sessionStorage.setItem("key", $("key").value); asking = null; resolve(); };
    $("ask-key").showModal();
  });
  return asking;
}
async function ask(path, options = {}) {
  const key = sessionStorage.getItem("key");
  const headers = {...(options.body ? {"Content-Type": "application/json"} : {}), ...(key ? {Authorization: "Bearer " + key} : {})};
  const response = await fetch(path, {...options, headers});
  if (response.status == 401) { await askKey(); return ask(path, options); }
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Error(body.error?.message || `HTTP ${response.status}`);
  }
  return response;
}
const post = (path, body) => ask(path, {method: "POST", body: JSON.stringify(body)});
const pictures = new Map();
async function pictureUrl(path) {
  if (!pictures.has(path)) pictures.set(path, ask(path).then(r => r.blob()).then(b => URL.createObjectURL(b)));
  return pictures.get(path);
}

