"""Draws on the server's page in a headless Chromium, as a person would.

usage: check_server.py DRYPOINT FOLDER    (pictures of the page go to the folder)
"""
import base64
import importlib.resources
import io
import json
import pathlib
import struct
import subprocess
import sys
import time
import urllib.request

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

drypoint, folder = sys.argv[1], pathlib.Path(sys.argv[2])
example = pathlib.Path(__file__).parents[2] / "models/demo/examples/ladybug.png"
checks = 0


def expect(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"error: {what}")


def browser(width=1360, height=1100):
    settings = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", f"--window-size={width},{height}", "--disable-gpu", "--lang=en"):
        settings.add_argument(argument)
    settings.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=settings, service=webdriver.ChromeService("/usr/bin/chromedriver"))


def wait(driver, condition, what, seconds=60):
    try:
        WebDriverWait(driver, seconds, 0.02).until(lambda _: condition())
    except Exception:
        status = driver.find_element(By.ID, "status").text
        sys.exit(f"error: {what} (the page says \"{status}\"; {driver.get_log('browser')})")
    expect(True, what)


def get(path):
    with urllib.request.urlopen(url + path, timeout=60) as answer:
        return answer.read()


def element(name):
    return driver.find_element(By.ID, name)


def set_range(name, value):
    driver.execute_script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))",
                          element(name), value)


def draw_line(points):
    """With the pointer, from the board's middle."""
    actions = ActionChains(driver, duration=5).move_to_element_with_offset(element("board"), *points[0]).click_and_hold()
    for point in points[1:]:
        actions = actions.move_to_element_with_offset(element("board"), *point)
    actions.release().perform()


def status():
    return element("status").text


def jobs():
    return json.loads(get("/api/v1/jobs"))["jobs"]


def open_page():
    driver.get(url)
    wait(driver, lambda: element("sampler").get_attribute("value"), "the page does not load")


def check_lines():
    """A frame drawn by hand decides the picture."""
    element("prompt").send_keys("a red house on a yellow background")
    draw_line([(-80, -60), (80, -60), (80, 60), (-80, 60), (-80, -60)])
    set_range("steps", 4)
    element("seed").clear()
    element("seed").send_keys("5")
    element("start").click()
    wait(driver, lambda: status().startswith("done"), "no picture comes")
    job = element("result").get_attribute("data-job")
    told = json.loads(get(f"/api/v1/jobs/{job}"))["settings"]
    expect(told["prompt"] == "a red house on a yellow background" and told["steps"] == 4 and told["seed"] == 5, f"other settings: {told}")
    shown = driver.execute_script("const i = arguments[0]; return [i.naturalWidth, i.naturalHeight]", element("result"))
    expect(shown == [256, 256], f"the picture is {shown}")
    # What steered is what was drawn: four lines of a pen.
    drawn = driver.execute_script("""
        const seen = new Image(); seen.src = arguments[0];
        return seen.decode().then(() => { const c = document.createElement('canvas'); c.width = c.height = 256;
          const pen = c.getContext('2d'); pen.drawImage(seen, 0, 0); const p = pen.getImageData(0, 0, 256, 256).data;
          const b = document.getElementById('board').getContext('2d').getImageData(0, 0, 256, 256).data;
          let same = 0, white = 0; for (let i = 0; i < p.length; i += 4) { same += p[i] == b[i]; white += p[i] > 127; } return [same, white]; })""",
        "data:image/png;base64," + base64.b64encode(get(f"/api/v1/jobs/{job}/edges")).decode())
    expect(told["controls"][0]["preprocessor"] == "none", f"lines are preprocessed: {told['controls']}")
    expect(drawn[0] == 65536 and drawn[1] > 600, f"{drawn[0]} of 65536 pixels steered as drawn, {drawn[1]} white")
    wait(driver, lambda: len(driver.find_elements(By.CSS_SELECTOR, "#gallery li")) == 1, "the gallery is empty")


def check_tools():
    count = "const b = document.getElementById('board'), p = b.getContext('2d').getImageData(0, 0, b.width, b.height).data; let n = 0; for (let i = 0; i < p.length; i += 4) n += p[i] > 127; return n"
    before = driver.execute_script(count)
    draw_line([(-20, 0), (20, 0)])
    expect(driver.execute_script(count) > before, "the pen draws nothing")
    element("undo").click()
    expect(driver.execute_script(count) == before, "undo undoes something else")
    element("eraser").click()
    draw_line([(-80, -60), (80, -60)])
    expect(driver.execute_script(count) < before, "the eraser erases nothing")
    driver.find_element(By.TAG_NAME, "body").send_keys(Keys.CONTROL, "z")
    expect(driver.execute_script(count) == before, "Ctrl+Z undoes nothing")
    element("pen").click()


def check_cancel():
    set_range("steps", 150)
    element("prompt").send_keys(Keys.CONTROL, Keys.ENTER)
    wait(driver, lambda: "step" in status(), "no steps are told")
    wait(driver, lambda: float(element("progress").get_attribute("value")) > 0, "no progress is shown")
    wait(driver, lambda: driver.find_elements(By.CSS_SELECTOR, "#line li"), "the queue shows nothing")
    element("cancel").click()
    wait(driver, lambda: status() == "cancelled", "cancelling ends nothing")
    expect(jobs()[0]["state"] == "cancelled", "the job goes on")
    element("start").click()
    wait(driver, lambda: "step" in status(), "no steps are told")
    driver.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    wait(driver, lambda: status() == "cancelled", "Escape cancels nothing")


def check_live():
    element("live").click()
    set_range("live-steps", 2)
    wait(driver, lambda: status().startswith("done"), "live draws nothing")
    before = len(jobs())
    set_range("live-steps", 20)
    for y in (-20, 0, 20):
        draw_line([(-60, y), (60, y)])
    wait(driver, lambda: status().startswith("done"), "live draws nothing", 120)
    states = [job["state"] for job in jobs()[:len(jobs()) - before]]
    expect(states[0] == "done" and "cancelled" in states[1:], f"older ones are not cancelled: {states}")
    expect("ms" in element("latency").text, "no latency is shown")
    print(f"live, 20 steps: {element('latency').text}")
    element("live").click()


def check_photo():
    element("file").send_keys(str(example))
    wait(driver, lambda: element("photo-tools").is_displayed(), "the photo is not taken")
    white = "const p = document.getElementById('board').getContext('2d').getImageData(0, 0, 256, 256).data; let n = 0; for (let i = 0; i < p.length; i += 4) n += p[i] > 127; return n"
    wait(driver, lambda: driver.execute_script(white) > 800, "no edges are shown")
    fine = driver.execute_script(white)
    set_range("threshold_b", 500)
    set_range("threshold_a", 400)
    wait(driver, lambda: driver.execute_script(white) < fine, "thresholds change nothing")
    set_range("steps", 4)
    element("start").click()
    wait(driver, lambda: status().startswith("done"), "no picture of a photo comes")
    job = element("result").get_attribute("data-job")
    expect(settings_of(job)["controls"][0]["threshold_a"] == 400, "the thresholds are others")


def draw_picture(what):
    set_range("steps", 4)
    element("start").click()
    wait(driver, lambda: status().startswith("done"), f"no picture {what} comes")
    return element("result").get_attribute("data-job")


def settings_of(job):
    return json.loads(get(f"/api/v1/jobs/{job}"))["settings"]


def choose_sheet(number):
    driver.find_elements(By.CSS_SELECTOR, "#sheets button")[number].click()


def check_sheets():
    """Several ControlNet units, each with its own picture and settings."""
    element("add-sheet").click()
    element("file").send_keys(str(example))
    wait(driver, lambda: element("photo-tools").is_displayed(), "the second photo is not taken")
    Select(element("preprocessor")).select_by_value("scribble_xdog")
    expect("threshold" in element("threshold_a-name").text and not element("threshold_b-row").is_displayed(), "the numbers are another's")
    for name, value in (("weight", 0.5), ("start-at", 0.25), ("end-at", 0.75)):
        set_range(name, value)
    element("control-tools").find_element(By.TAG_NAME, "summary").click()
    Select(element("control-mode")).select_by_value("prompt")
    check_axe("two units")
    controls = settings_of(draw_picture("of two units"))["controls"]
    expect(len(controls) == 2 and controls[0]["preprocessor"] == "canny", f"the first unit is another: {controls}")
    second = {name: controls[1][name] for name in ("preprocessor", "weight", "start", "end", "mode")}
    expect(second == {"preprocessor": "scribble_xdog", "weight": 0.5, "start": 0.25, "end": 0.75, "mode": "prompt"}, f"the second unit is {second}")
    element("remove-sheet").click()
    expect(len(driver.find_elements(By.CSS_SELECTOR, "#sheets button")) == 3, "the unit stays")


PIXELS = """const i = arguments[0]; return i.decode().then(() => { const c = document.createElement('canvas'); c.width = c.height = 256;
    const pen = c.getContext('2d'); pen.drawImage(i, 0, 0, 256, 256); return [...pen.getImageData(0, 0, 256, 256).data]; })"""


def check_mask():
    """What is not painted over stays as it was."""
    element("mode-draw").click()
    element("clear").click()
    choose_sheet(1)
    element("file").send_keys(str(example))
    wait(driver, lambda: element("remove-sheet").is_displayed(), "the picture to begin with is not taken")
    before = driver.execute_script("return [...document.getElementById('board').getContext('2d').getImageData(0, 0, 256, 256).data]")
    set_range("denoising_strength", 1)
    draw_line([(-100, 40), (100, 40), (100, 100), (-100, 100)])
    check_axe("a mask")
    told = settings_of(draw_picture("over a part"))
    expect(told["denoising_strength"] == 1 and told["paste_kept"] == "on" and "controls" not in told, f"other settings: {told}")
    after = driver.execute_script(PIXELS, element("result"))
    differ = [sum(before[i] != after[i] for i in range(4 * 256 * y, 4 * 256 * (y + 1))) for y in range(256)]
    expect(sum(differ[:60]) == 0, f"{sum(differ[:60])} values that were not painted over have changed")
    expect(sum(differ[150:250]) > 1000, "nothing has changed where it was painted over")
    element("undo").click()
    set_range("denoising_strength", 0.5)
    told = settings_of(draw_picture("from a picture"))
    expect(told["denoising_strength"] == 0.5 and told["paste_kept"] == "auto", f"there is a mask: {told}")
    element("remove-sheet").click()
    choose_sheet(0)


def check_loras():
    Select(element("lora")).select_by_value("style")
    element("add-lora").click()
    strength = driver.find_element(By.CSS_SELECTOR, "#chosen-loras input")
    driver.execute_script("arguments[0].value = 0.5; arguments[0].dispatchEvent(new Event('change'))", strength)
    check_axe("a LoRA")
    told = settings_of(draw_picture("with a LoRA"))
    expect(told["lora"] == ["style=0.5"], f"the LoRA is {told['lora']}")
    driver.find_element(By.CSS_SELECTOR, "#chosen-loras button").click()
    expect(settings_of(draw_picture("without one"))["lora"] == [], "the LoRA stays")


def check_previews():
    set_range("steps", 100)
    element("start").click()
    width = "return document.getElementById('result').naturalWidth"
    wait(driver, lambda: driver.execute_script(width) == 32, "no preview is shown, which is an eighth as wide")
    element("cancel").click()
    wait(driver, lambda: status() == "cancelled", "cancelling ends nothing")


def lora_for(model):
    """One that changes a projection of this checkpoint's UNet: a safetensors file's bytes."""
    with open(model, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    name = next(name for name in sorted(header) if name.startswith("model.diffusion_model.") and name.endswith("attn2.to_k.weight"))
    out, into = header[name]["shape"]
    key = "lora_unet_" + name.removeprefix("model.diffusion_model.").removesuffix(".weight").replace(".", "_")
    tensors, data = {}, b""
    for part, shape in (("lora_down", [1, into]), ("lora_up", [out, 1])):
        values = b"\0\0\0\x3f" * (shape[0] * shape[1])
        tensors[f"{key}.{part}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text + data


def check_reload():
    """A page that is loaded again in the middle goes on watching, and two do no harm to each other."""
    set_range("steps", 100)
    element("start").click()
    wait(driver, lambda: "step" in status(), "it does not begin")
    open_page()
    wait(driver, lambda: "step" in status(), "the loaded page does not go on watching")
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    open_page()
    wait(driver, lambda: len(driver.find_elements(By.CSS_SELECTOR, "#gallery li")) >= 3, "the second tab has no gallery")
    driver.switch_to.window(first)
    element("cancel").click()
    wait(driver, lambda: status() == "cancelled", "cancelling after loading ends nothing")


def check_gallery():
    driver.find_elements(By.CSS_SELECTOR, "#gallery button")[-1].click()
    wait(driver, lambda: element("viewer").is_displayed(), "the picture does not open")
    expect("a red house" in element("viewer-text").text, "the settings are not shown")
    element("viewer-use").click()
    expect(element("prompt").get_attribute("value") == "a red house on a yellow background" and
           element("seed").get_attribute("value") == "5", "the settings do not come back")


def check_looks():
    def back():
        return driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    before = back()
    element("theme").click()
    expect(back() != before, "dark and light look the same")
    check_axe("the other theme")
    element("theme").click()
    element("language").click()
    expect(element("start").text == "生成图片" and driver.execute_script("return document.documentElement.lang") == "zh", "no Chinese")
    check_axe("Chinese")
    texts = driver.execute_script("return [Object.keys(texts.en).sort().join(), Object.keys(texts.zh).sort().join()]")
    expect(texts[0] == texts[1], "the languages have other texts")
    element("language").click()
    driver.set_window_size(390, 840)
    width = driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    expect(width[0] <= width[1], f"a phone of {width[1]} pixels scrolls sideways over {width[0]}")
    check_axe("a phone")
    driver.save_screenshot(str(folder / "server-phone.png"))
    driver.set_window_size(1360, 1100)
    driver.save_screenshot(str(folder / "server.png"))


def check_axe(what):
    script = importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text()
    driver.execute_script(script)
    found = driver.execute_async_script("axe.run().then(arguments[0])")["violations"]
    expect(not found, f"{what}: axe finds " + json.dumps([[one["id"], one["nodes"][0]["html"][:100]] for one in found]))


def check_network():
    asked = driver.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    expect(all(name.startswith((url, "blob:", "data:")) for name in asked), f"the page asks others: {asked}")
    lines = driver.get_log("browser")
    expect(not lines, f"the browser says {lines}")


folder.mkdir(parents=True, exist_ok=True)
models = folder / "models"
(models / "Lora").mkdir(parents=True, exist_ok=True)
(models / "Lora/style.safetensors").write_bytes(lora_for(example.parents[1] / "demo.safetensors"))
server = subprocess.Popen([drypoint, "serve", "--device", "cpu", "--port", "0", "--models", models], stdout=subprocess.PIPE, text=True)
driver = None
try:
    url = server.stdout.readline().split()[0]
    driver = browser()
    open_page()
    check_axe("the page")
    for check in (check_lines, check_tools, check_cancel, check_live, check_photo, check_sheets, check_mask, check_loras,
                  check_previews, check_reload, check_gallery, check_looks, check_network):
        check()
finally:
    if driver:
        driver.quit()
    server.terminate()
    server.wait()
expect(server.returncode == 0, f"the server ends with {server.returncode}")
print(f"{checks} checks passed, 0 failed")
