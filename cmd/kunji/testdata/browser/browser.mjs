// What every browser test needs: a browser, the shop's address, and a look
// into the service's ClickHouse. The Go test that starts the
// service says where everything is by environment variables.
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

export const edge = process.env.KUNJI_TEST_EDGE;
export const shop = `${edge}/shop/`;
export const consoleAt = process.env.KUNJI_TEST_CONSOLE;
export const password = process.env.KUNJI_TEST_PASSWORD;
export const browserName = process.env.KUNJI_TEST_BROWSER;

// Headless browsers say so in their user agent and are counted as machines;
// the tests stand for people.
const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

// launch starts the browser: extraArgs go to Chromium, prefs to Firefox, and
// content are the settings of a fresh Chromium profile (2 blocks).
export async function launch(extraArgs = [], { prefs = {}, content, ...more } = {}) {
  if (browserName === 'firefox') {
    return puppeteer.launch({
      browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true,
      extraPrefsFirefox: { 'intl.accept_languages': 'en', 'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false, ...prefs },
      ...more,
    });
  }
  const userDataDir = await mkdtemp(join(tmpdir(), 'kunji-chromium-'));
  if (content) {
    await mkdir(join(userDataDir, 'Default'));
    await writeFile(join(userDataDir, 'Default', 'Preferences'), JSON.stringify({ profile: { default_content_setting_values: content } }));
  }
  return puppeteer.launch({
    executablePath: '/usr/bin/chromium', headless: true, userDataDir,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--lang=en', `--user-agent=${agent}`, ...extraArgs],
    ...more,
  });
}

// open opens an address in a browser context of its own, so that no test sees
// another's cookies, and collects what the page complains about.
export async function open(browser, url) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.complaints = [];
  page.on('console', (m) => { if (m.type() === 'error') page.complaints.push(m.text()); });
  page.on('pageerror', (e) => page.complaints.push(String(e)));
  await page.goto(url, { waitUntil: 'load' });
  return page;
}

// act presses a control of the banner, wherever it is in the shadow tree.
export async function act(page, action) {
  const button = await page.waitForSelector(`>>> [data-kunji-action="${action}"]`, { visible: true });
  await button.click();
}

export async function cookieNames(page) {
  return (await page.browserContext().cookies()).map((c) => c.name).sort();
}

// sql asks the running service's ClickHouse on its own socket.
export function sql(query) {
  return new Promise((done, fail) => {
    const request = http.request({
      socketPath: process.env.KUNJI_TEST_ENGINE, method: 'POST', path: '/?database=kunji&default_format=JSONEachRow&readonly=1',
    }, async (response) => {
      let text = '';
      for await (const part of response) text += part;
      if (response.statusCode !== 200) fail(new Error(text));
      else done(text.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line)));
    });
    request.on('error', fail);
    request.end(query);
  });
}

// eventually waits until f returns something true, and returns it.
export async function eventually(what, f, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    try {
      last = await f();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, 150));
  }
  throw new Error(`${what}: not within ${seconds} s; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
