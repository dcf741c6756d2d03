// Measures the banner beside those that leave most behind, each in its basic
// set, on the same page in the same run: bytes in brotli; when it is first
// visible with a processor 4 times slower, 1.6 Mbps and 150 ms; layout shift;
// how long a click on accept keeps the page busy, and when the next frame comes.
// A button that works for exactly 60 ms stands beside them: what it shows less
// than that would be the measurement's fault. Prints medians of interleaved
// rounds and ratios to ours. Needs bin/kunji, chromium and the packages of
// package.json; run.sh sees to them.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import puppeteer from 'puppeteer-core';

const rounds = Number(process.env.ROUNDS ?? 7);
const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

const brotli = (data) => brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
// From the folder, since some packages export no paths of theirs.
const asset = (path) => readFile(join('.cache/bench/node_modules', path));

const freePort = () => new Promise((done) => {
  const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});

/** The service on free ports, with the demo shop's configuration. */
async function startKunji(dir) {
  const [edge, console, ops] = [await freePort(), await freePort(), await freePort()];
  const at = `http://127.0.0.1:${edge}`;
  const child = spawn('bin/kunji', ['serve'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env, KUNJI_DATA_DIR: join(dir, 'kunji'), KUNJI_EDGE_LISTEN: `127.0.0.1:${edge}`, KUNJI_EDGE_PUBLIC_URL: at, KUNJI_EDGE_RATE_LIMIT: '0',
      KUNJI_CONSOLE_LISTEN: `127.0.0.1:${console}`, KUNJI_OPS_LISTEN: `127.0.0.1:${ops}`,
    },
  });
  for (let i = 0; i < 400; i++) {
    if (child.exitCode !== null) throw new Error(`kunji ended with ${child.exitCode}`);
    if (await fetch(`${at}/healthz`).then((r) => r.ok, () => false)) return { at, child };
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('kunji does not answer');
}

const vccText = { title: 'We use cookies', description: 'Choose what you allow.', acceptAllBtn: 'Accept', acceptNecessaryBtn: 'Reject', showPreferencesBtn: 'Settings' };
const vccMore = { title: 'Settings', acceptAllBtn: 'Accept', acceptNecessaryBtn: 'Reject', savePreferencesBtn: 'Save', sections: [{ title: 'Analytics', description: 'Counts.', linkedCategory: 'analytics' }] };

/** The contestants: what the page's head holds, and where banner and accept are. */
async function contestants(edge) {
  const files = {
    '/vcc.js': await asset('vanilla-cookieconsent/dist/cookieconsent.umd.js'), '/vcc.css': await asset('vanilla-cookieconsent/dist/cookieconsent.css'),
    '/orejime.js': await asset('orejime/dist/orejime-standard-en.js'), '/orejime.css': await asset('orejime/dist/orejime-standard.css'),
    '/klaro.js': await asset('klaro/dist/klaro.js'),
  };
  const ours = await fetch(`${edge}/b/shop.js`, { headers: { 'Accept-Encoding': 'br', 'Accept-Language': 'en' } });
  const length = Number(ours.headers.get('content-length'));
  if (ours.headers.get('content-encoding') !== 'br' || !length) throw new Error('the script did not come in brotli');
  const size = (...names) => names.reduce((sum, n) => sum + brotli(files[n]).length, 0);
  return {
    files,
    list: [
      { name: 'kunji', bytes: length, head: `<script src="${edge}/b/shop.js" async></script>`, banner: ['kunji-banner', '.layer'], accept: ['kunji-banner', '[data-kunji-action="accept"]'] },
      {
        name: 'vanilla-cookieconsent 3.1.0', bytes: size('/vcc.js', '/vcc.css'), banner: ['#cc-main .cm'], accept: ['#cc-main .cm [data-role="all"]'],
        head: `<link rel="stylesheet" href="/vcc.css"><script defer src="/vcc.js"></script><script>addEventListener('DOMContentLoaded', () => CookieConsent.run({ hideFromBots: false, categories: { necessary: { enabled: true, readOnly: true }, analytics: {} },
          language: { default: 'en', translations: { en: ${JSON.stringify({ consentModal: vccText, preferencesModal: vccMore })} } } }))</script>`,
      },
      {
        name: 'orejime 3.2.1', bytes: size('/orejime.js', '/orejime.css'), banner: ['.orejime-Banner'], accept: ['.orejime-Banner-saveButton, .orejime-Banner .orejime-Button--save'],
        head: `<link rel="stylesheet" href="/orejime.css"><script>self.orejimeConfig = { privacyPolicyUrl: '/privacy', purposes: [{ id: 'analytics', title: 'Analytics', description: 'Counts.', cookies: ['_a'] }] }</script><script defer src="/orejime.js"></script>`,
      },
      {
        name: 'klaro 0.7.22', bytes: size('/klaro.js'), banner: ['.klaro .cookie-notice'], accept: ['.klaro .cookie-notice .cm-btn-success'],
        head: `<script>self.klaroConfig = { lang: 'en', acceptAll: true, services: [{ name: 'analytics', title: 'Analytics', purposes: ['analytics'] }] }</script><script defer data-config="klaroConfig" src="/klaro.js"></script>`,
      },
      {
        name: 'a button, 60 ms of work', bytes: 0, banner: ['#control'], accept: ['#control'],
        head: `<script>addEventListener('DOMContentLoaded', () => { const b = document.createElement('button'); b.id = 'control'; b.textContent = 'Work';
          b.onclick = () => { const end = performance.now() + 60; while (performance.now() < end); b.remove(); }; document.body.append(b); b.style.cssText = 'position:fixed;bottom:0'; })</script>`,
      },
      { name: 'the page alone, its heading', bytes: 0, head: '', banner: ['h1'] },
    ],
  };
}

const text = '<p>Oolong is half oxidised and smells of orchids. Longjing is picked before the rain. '.repeat(20);
const html = (head) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tea</title><meta name="viewport" content="width=device-width">
  <link rel="icon" href="data:,">${head}<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:2em auto}</style></head><body><h1>Tea</h1>${text}</body></html>`;

/** The page's server: everything compressed as well as it can be. */
async function serve(files, list) {
  const answers = new Map(Object.entries(files).map(([path, data]) => [path, [brotli(data), path.endsWith('.css') ? 'text/css' : 'text/javascript']]));
  list.forEach((c, i) => answers.set(`/page${i}`, [brotli(html(c.head)), 'text/html; charset=utf-8']));
  const server = http.createServer((request, response) => {
    const [data, type] = answers.get(request.url) ?? [];
    if (!data) response.writeHead(404).end();
    else response.writeHead(200, { 'Content-Type': type, 'Content-Encoding': 'br', 'Content-Length': data.length }).end(data);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { at: `http://127.0.0.1:${server.address().port}`, close: () => { server.close(); server.closeAllConnections(); } };
}

/** In the page, from its start: when the banner is first seen, what shifts, and how long clicks take. */
function observe(path) {
  const find = (p) => p.reduce((root, s) => root && (root.shadowRoot ?? root).querySelector(s), document);
  self.result = { shift: 0 };
  new PerformanceObserver((l) => { for (const e of l.getEntries()) self.result.shift += e.value; }).observe({ type: 'layout-shift', buffered: true });
  // Event Timing gives some banners' clicks no entry, however slow: so measured
  // alike for all. The click's handlers last from its first listener to the first
  // task after them; what it keeps from the screen, from the event's own time to
  // the first task after the next frame.
  const next = (f) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = f;
    port2.postMessage(0);
  };
  const since = (start, key) => next(() => { self.result[key] = performance.now() - start; });
  addEventListener('click', (e) => {
    since(performance.now(), 'click');
    requestAnimationFrame(() => since(e.timeStamp, 'frame'));
  }, true);
  const look = () => {
    const e = document.body && find(path);
    const r = e?.getBoundingClientRect();
    if (r && r.width * r.height > 0 && r.top < innerHeight && r.bottom > 0 && e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) {
      next(() => { self.result.seen = performance.now(); }); // the first task after the frame in which it stands
    } else requestAnimationFrame(look);
  };
  look();
}

async function measure(browser, at, index, c) {
  const context = await browser.createBrowserContext();
  try {
    const page = await context.newPage();
    await page.setViewport({ width: 412, height: 823, isMobile: true });
    await page.evaluateOnNewDocument(observe, c.banner);
    const cdp = await page.createCDPSession();
    await cdp.send('Network.enable');
    await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 750e3 / 8 });
    await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    await page.goto(`${at}/page${index}`, { waitUntil: 'load', timeout: 60_000 });
    await page.waitForFunction(() => self.result.seen, { timeout: 30_000 });
    if (!c.accept) return await page.evaluate(() => self.result);
    await new Promise((done) => setTimeout(done, 1200)); // past every fade
    const [x, y] = await page.evaluate((path) => {
      const b = path.reduce((root, s) => (root.shadowRoot ?? root).querySelector(s), document).getBoundingClientRect();
      return [b.x + b.width / 2, b.y + b.height / 2];
    }, c.accept);
    await page.mouse.click(x, y);
    await page.waitForFunction((path) => {
      const e = path.reduce((root, s) => root && (root.shadowRoot ?? root).querySelector(s), document);
      return !e || e.getBoundingClientRect().height === 0 || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.getBoundingClientRect().top >= innerHeight;
    }, { timeout: 30_000 }, c.banner);
    await page.waitForFunction(() => self.result.frame, { timeout: 10_000 }); // a click that was not measured is no fast click
    return await page.evaluate(() => self.result);
  } finally {
    await context.close();
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const dir = await mkdtemp(join(tmpdir(), 'kunji-bench-'));
let kunji;
let browser;
let site;
try {
  kunji = await startKunji(dir);
  const { files, list } = await contestants(kunji.at);
  site = await serve(files, list);
  browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, userDataDir: join(dir, 'chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--lang=en', `--user-agent=${agent}`],
  });
  for (let round = 0; round <= rounds; round++) {
    for (const [i, c] of list.entries()) {
      const result = await measure(browser, site.at, i, c);
      if (round > 0) (c.results ??= []).push(result); // the first warms up
    }
  }
  const ours = list[0];
  const seen = (c) => median(c.results.map((r) => r.seen));
  console.log(`banner, medians of ${rounds} interleaved rounds; processor 4 times slower, 1.6 Mbps, 150 ms; ratio to ours`);
  console.log(`${''.padEnd(28)} ${'brotli'.padStart(8)} ${'ratio'.padStart(6)} ${'seen ms'.padStart(8)} ${'ratio'.padStart(6)} ${'click ms'.padStart(9)} ${'frame ms'.padStart(9)} ${'shift'.padStart(6)}`);
  for (const c of list) {
    const after = (key) => (c.accept ? median(c.results.map((r) => r[key])).toFixed(0) : '').padStart(9);
    console.log(`${c.name.padEnd(28)} ${String(c.bytes).padStart(8)} ${(c.bytes / ours.bytes).toFixed(2).padStart(6)} ${seen(c).toFixed(0).padStart(8)} ${(seen(c) / seen(ours)).toFixed(2).padStart(6)} ` +
      `${after('click')} ${after('frame')} ${Math.max(...c.results.map((r) => r.shift)).toFixed(3).padStart(6)}`);
  }
} finally {
  await browser?.close();
  site?.close();
  if (kunji) {
    kunji.child.kill('SIGTERM');
    await new Promise((done) => kunji.child.once('exit', done));
  }
  await rm(dir, { recursive: true, force: true });
}
