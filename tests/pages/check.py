"""Opens the pages that Drypoint writes in a headless Chromium, and uses them as a person would.

usage: check.py DRYPOINT FOLDER [OPTION...]    the model's options
"""
import json
import pathlib
import subprocess
import sys

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

drypoint, folder, options = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
checks = 0


def expect(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"error: {what}")


def browser():
    settings = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1360,1900", "--disable-gpu"):
        settings.add_argument(argument)
    settings.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=settings, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    # Nothing may be asked of a network.
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["http://*", "https://*"]})
    return driver


def open_page(driver, path):
    driver.get(path.resolve().as_uri())


def expect_quiet(driver, page):
    lines = driver.get_log("browser")
    expect(not lines, f"{page}: the browser says {lines}")


def cells(driver, column):
    return [row.find_elements(By.TAG_NAME, "td")[column].text
            for row in driver.find_elements(By.CSS_SELECTOR, "#table tbody tr")]


def seconds(text):
    number, unit = text.split()
    return float(number) * {"s": 1, "ms": 1e-3, "µs": 1e-6}[unit]


def check_profile(driver):
    page = folder / "profile.html"
    output = subprocess.run([drypoint, "profile", *options, "--size", "128x128", "--html", page, "--json"], check=True,
                            capture_output=True, text=True).stdout
    result = json.loads(output)
    step = next(part for part in result["parts"] if part["name"] == "step")
    ran = [o for o in step["operations"] if o["kernels"]]
    open_page(driver, page)
    expect(result["model"] in driver.title, "the title names no model")

    times = [seconds(text) for text in cells(driver, 1)]
    expect(len(times) == len(ran), f"{len(times)} rows, expected {len(ran)}")
    expect(times == sorted(times, reverse=True), "rows do not begin with the slowest")
    expect(len(driver.find_elements(By.CSS_SELECTOR, "#roofline circle")) > 10, "the roofline is empty")
    expect(len(driver.find_elements(By.CSS_SELECTOR, "#flame rect")) > 50, "the flame graph is empty")

    header = driver.find_elements(By.CSS_SELECTOR, "#table th")
    header[1].click()
    expect([seconds(text) for text in cells(driver, 1)] == times[::-1], "a click does not turn the order")
    driver.find_elements(By.CSS_SELECTOR, "#table th")[0].click()
    names = cells(driver, 0)
    in_order = driver.execute_script("return arguments[0].slice().sort((a, b) => a.localeCompare(b))", names)
    expect(names[0] != names[-1] and names == in_order, "rows are not in the order of their modules")
    driver.find_elements(By.CSS_SELECTOR, "#table th")[1].click()
    expect([seconds(text) for text in cells(driver, 1)] == times, "times do not fall again")

    box = driver.find_element(By.ID, "filter")
    box.send_keys("attention attn2")
    expected = [o for o in ran if o["kind"] == "attention" and "attn2" in o["module"]]
    found = cells(driver, 0)
    expect(0 < len(found) <= len(ran) // 4, f"the filter shows {len(found)} of {len(ran)}")
    expect(len(found) >= len(expected), f"the filter shows {len(found)}, expected {len(expected)}")
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys("no such operation")
    expect(cells(driver, 0) == [], "the filter finds what is not there")
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(Keys.BACKSPACE)
    expect(len(cells(driver, 0)) == len(ran), "an empty filter hides rows")

    box.send_keys("conv2d in_layers.2")
    driver.find_element(By.CSS_SELECTOR, "#table tbody tr").click()
    nodes = driver.find_elements(By.CSS_SELECTOR, "#graph .node")
    expect(len(nodes) >= 4, f"the graph has {len(nodes)} nodes")
    chosen = driver.find_elements(By.CSS_SELECTOR, "#detail dd")[0].text
    expect("in_layers.2" in chosen, f"{chosen} was chosen")
    driver.save_screenshot(str(folder / "profile-chosen.png"))
    consumer = [n for n in nodes if "weight" not in n.get_attribute("class")][-2]
    driver.execute_script("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", consumer)
    expect(driver.find_elements(By.CSS_SELECTOR, "#detail dd")[0].text != chosen,
           "a click on a neighbour does not move")
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(Keys.BACKSPACE)

    for grouping in ("kind", "shape", "module"):
        button = next(b for b in driver.find_elements(By.CSS_SELECTOR, "#by button") if b.text == grouping)
        button.click()
        expect(len(cells(driver, 0)) == len({g["name"] for g in step["groups"][grouping]
                                             if any_ran(step, grouping, g["name"])}),
               f"groups by {grouping} are others than in JSON")
        expect_rows_of_group(driver, grouping)
        button.click()
    driver.find_element(By.CSS_SELECTOR, "#table tbody tr").click()  # into the slowest module
    expect(0 < len(cells(driver, 0)) < len(ran), "a click on a module does not show it alone")
    driver.find_element(By.ID, "unzoom").click()
    expect(len(cells(driver, 0)) == len(ran), "showing all does not")
    flame = driver.find_elements(By.CSS_SELECTOR, "#flame rect")[2]
    driver.execute_script("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", flame)
    expect(0 < len(cells(driver, 0)) < len(ran), "a click on the flame graph does not zoom")
    for part in driver.find_elements(By.CSS_SELECTOR, "#parts button"):
        part.click()
        expect(len(cells(driver, 0)) > 0, f"{part.text} is empty")
    expect_quiet(driver, page)


def expect_rows_of_group(driver, grouping):
    """A click on a row shows the operations that it counts, and no others."""
    if grouping == "module":  # shows what is below, too
        return
    names = cells(driver, 0)
    # Several shapes have the same attributes: a row that must be told from another.
    first = next((i for i, name in enumerate(names)
                  if sum(other.split(":")[0] == name.split(":")[0] for other in names) > 1), 0)
    count = int(cells(driver, -1)[first])
    driver.find_elements(By.CSS_SELECTOR, "#table tbody tr")[first].click()
    found = cells(driver, 8)
    expect(len(found) == count, f"a click on a {grouping} of {count} operations shows {len(found)}")
    if grouping == "shape":
        expect(len(set(zip(found, cells(driver, 9)))) == 1, "a click on a shape shows others too")
    driver.find_element(By.ID, "unzoom").click()


def any_ran(part, grouping, name):
    """Whether a group has more than views, which take no time and stand in no table."""
    if grouping == "kind":
        return any(o["kind"] == name and o["kernels"] for o in part["operations"])
    return next(g for g in part["groups"][grouping] if g["name"] == name)["seconds"] > 0


def check_gallery(driver):
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    source = pathlib.Path(__file__).parents[1] / "data" / "images" / "cat.png"
    (pictures / "cat.png").write_bytes(source.read_bytes())
    page = folder / "score.html"
    subprocess.run([drypoint, "score", pictures, *options, "--resolution", "64", "--sweep", "steps=1,2",
                    "--html", page], check=True, capture_output=True)
    open_page(driver, page)
    images = driver.find_elements(By.TAG_NAME, "img")
    expect(len(images) == 6, f"the gallery has {len(images)} pictures, expected 6")
    widths = driver.execute_script("return [...document.images].map(i => i.complete && i.naturalWidth)")
    expect(all(widths), "a picture does not show")
    expect(len(driver.find_elements(By.CSS_SELECTOR, "table tr")) == 3, "the table has other rows")
    driver.save_screenshot(str(folder / "score.png"))
    expect_quiet(driver, page)


folder.mkdir(parents=True, exist_ok=True)
driver = browser()
try:
    check_profile(driver)
    check_gallery(driver)
finally:
    driver.quit()
print(f"{checks} checks passed, 0 failed")
