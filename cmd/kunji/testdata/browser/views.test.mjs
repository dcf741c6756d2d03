// A page view counts once for each time that the page is really seen: not while
// it is prerendered, not in a tab nobody looked at, again when it comes back
// from the back-forward cache, and from a page that sends no referrer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { act, browserName, cookieNames, eventually, launch, open, pause, sql } from './browser.mjs';
import { html, tag, website } from './pages.mjs';

// A service may see several runs.
const run = Math.random().toString(36).replace(/[^a-z]/g, '').slice(0, 5);
const at = (name) => `/${name}-${browserName}-${run}`;
const page = (name, rest = '') => html(`<h1>${name}</h1><a id="next" href="${at('prerendered')}">Next</a>${rest}${tag('wide')}`);
const speculation = `<script type="speculationrules">{"prerender":[{"urls":["${at('prerendered')}"],"eagerness":"immediate"}]}</script>`;

let browser;
let site;
before(async () => {
  browser = await launch([], { ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  site = await website({
    [at('first')]: page('first', '<script>addEventListener("pageshow", (e) => { if (e.persisted) self.back = true; })</script>'),
    [at('second')]: page('second'),
    [at('hidden')]: page('hidden'),
    [at('speculates')]: html(`<h1>speculates</h1><a id="next" href="${at('prerendered')}">Next</a>${tag('wide')}`, { head: speculation }),
    // It says itself when it is shown: puppeteer loses a tab that a prerendered page takes over.
    [at('prerendered')]: page('prerendered', '<script>if (document.prerendering) document.addEventListener("prerenderingchange", () => fetch("/activated"))</script>'),
    '/activated': '',
    [at('clicks')]: html(`<h1>clicks</h1><a id="out" href="https://other.example/somewhere?who=me"><b>Out</b></a><a id="in" href="${at('second')}">In</a>
      <a id="file" href="${at('list')}/Prices.PDF?who=me">Prices</a><a id="mail" href="mailto:a@b.example">Mail</a>${tag('wide', { attributes: 'async data-clicks="outbound downloads"' })}
      <script>addEventListener('click', (e) => e.preventDefault())</script>`),
    [at('turns')]: html(`<h1>turns</h1>${tag('wide', { attributes: 'async data-spa' })}`),
    [at('many')]: page('many'),
    [at('leaves')]: page('leaves'),
    [at('silent')]: { body: page('silent'), headers: { 'Referrer-Policy': 'no-referrer' } },
  });
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const count = async (name, kind = 'page_view') => Number((await sql(`SELECT count() AS n FROM events WHERE kind = '${kind}' AND path = '${at(name)}'`))[0].n);
const counted = (name, n, kind) => eventually(`${name} counts`, async () => (await count(name, kind)) >= n);

/** A page of a visitor who has said yes. */
async function known(name) {
  const p = await open(browser, site.at + at(name));
  await act(p, 'accept');
  await eventually('the yes is kept', async () => (await cookieNames(p)).includes('kj_vid_wide'));
  await counted(name, 1);
  return p;
}

test('back and forward: each return counts once', async () => {
  const p = await known('first');
  await p.goto(site.at + at('second'), { waitUntil: 'load' });
  await counted('second', 1);
  await p.evaluate(() => history.back());
  await eventually('the page is back', () => p.evaluate(() => document.querySelector('h1')?.textContent === 'first'));
  assert.equal(await p.evaluate(() => self.back), true, 'the script keeps the page out of the back-forward cache');
  await counted('first', 2);
  await pause(1000);
  assert.deepEqual([await count('first'), await count('second')], [2, 1]);
  const rows = await sql(`SELECT uniq(session) AS n FROM events WHERE path = '${at('first')}' AND kind = 'page_view'`);
  assert.equal(Number(rows[0].n), 1, 'coming back began a session');
  await p.browserContext().close();
});

test('prerendered: counts when shown, and once', { skip: browserName === 'firefox' && 'Firefox does not prerender' }, async () => {
  const p = await known('speculates');
  await eventually('the page is prerendered', async () => site.asked.includes(at('prerendered')));
  await pause(1500);
  assert.equal(await count('prerendered'), 0, 'a page that nobody saw was counted');
  await p.evaluate(() => document.querySelector('#next').click());
  await eventually('the page is shown', async () => site.asked.includes('/activated'));
  await counted('prerendered', 1);
  await pause(1000);
  assert.equal(await count('prerendered'), 1);
  assert.equal(site.asked.filter((a) => a === at('prerendered')).length, 1);
  await p.browserContext().close();
});

test('a tab in the background counts when somebody looks at it', { skip: browserName === 'firefox' && 'Firefox without a window calls every tab visible' }, async () => {
  const p = await known('second');
  const seen = await count('hidden');
  const session = await browser.target().createCDPSession();
  const { targetId } = await session.send('Target.createTarget', { url: site.at + at('hidden'), background: true, browserContextId: p.browserContext().id });
  const hidden = await (await browser.waitForTarget((t) => t._targetId === targetId)).page();
  await eventually('the tab has loaded', () => hidden.evaluate(() => !!self.kunji));
  assert.equal(await hidden.evaluate(() => document.visibilityState), 'hidden');
  await pause(1000);
  assert.equal(await count('hidden'), seen, 'a tab that nobody looked at was counted');
  await hidden.bringToFront();
  await counted('hidden', seen + 1);
  await p.bringToFront();
  await hidden.bringToFront();
  await pause(1000);
  assert.equal(await count('hidden'), seen + 1);
  await p.browserContext().close();
});

test('no referrer: what waits when the page is left still counts, with Origin: null or without', async () => {
  const p = await known('silent');
  await p.evaluate((next) => {
    self.kunji.track('search', { query: 'tea' });
    location.href = next;
  }, at('second'));
  await counted('silent', 1, 'custom');
  await pause(500);
  assert.equal(await count('silent', 'custom'), 1);
  await p.browserContext().close();
});

test('links that leave and files count where the tag says so, without their query', async () => {
  const p = await known('clicks');
  for (const id of ['mail', 'in', 'out', 'file']) await p.evaluate((i) => document.querySelector(`#${i}`).click(), id);
  await counted('clicks', 2, 'custom');
  await pause(500);
  const rows = await sql(`SELECT name, toJSONString(props) AS props FROM events WHERE kind = 'custom' AND path = '${at('clicks')}' ORDER BY name`);
  assert.deepEqual(rows, [{ name: 'download', props: '{"file":"Prices.PDF"}' }, { name: 'outbound', props: '{"host":"other.example"}' }]);
  await p.browserContext().close();
});

test('where the tag says so each new path or query is a view, from the one before, and a fragment is none', async () => {
  const p = await known('turns');
  for (const to of ['#part', `${at('turned')}?size=2`, `${at('turned')}?size=2#part`, at('turned-twice')]) {
    await p.evaluate((address) => history.pushState(null, '', address), to);
    await pause(300); // a view is what was painted
  }
  await counted('turned', 1);
  await counted('turned-twice', 1);
  await p.evaluate(() => history.go(-1));
  await counted('turned', 2);
  await pause(1000);
  assert.deepEqual([await count('turns'), await count('turned'), await count('turned-twice')], [1, 2, 1]);
  await p.browserContext().close();
});

test('an address that changes before the script can follow it is a view too', async () => {
  const p = await known('turns');
  const seen = await count('turns');
  let held;
  await p.setRequestInterception(true);
  p.on('request', (r) => (r.url().endsWith('/b/part/spa.js') ? (held = r) : r.continue()));
  await p.reload({ waitUntil: 'domcontentloaded' });
  await eventually('the part is asked for', async () => held);
  await counted('turns', seen + 1);
  await p.evaluate((to) => history.pushState(null, '', to), at('turned-early'));
  await held.continue();
  await counted('turned-early', 1);
  await p.browserContext().close();
});

test('events go in requests that the edge takes, and one that it would not keeps none waiting', async () => {
  const p = await known('many');
  const [at202, other] = [[], []];
  p.on('response', (r) => { if (r.url().endsWith('/v1/events')) (r.status() === 202 ? at202 : other).push(r.status()); });
  const said = [];
  p.on('console', (m) => { if (m.type() === 'warn') said.push(m.text()); });
  await p.evaluate(() => {
    self.kunji.track('large', { html: 'x'.repeat(70_000) });
    // In Chinese a character is three bytes.
    for (let i = 0; i < 30; i++) self.kunji.track('many', Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`prop${n}`, '茶'.repeat(1000)])));
    self.kunji.track('last');
  });
  const last = () => sql(`SELECT count() AS n FROM events WHERE kind = 'custom' AND name = 'last' AND path = '${at('many')}'`);
  await eventually('what stands behind arrives', async () => Number((await last())[0].n) === 1);
  assert.deepEqual(other, []);
  assert.ok(at202.length >= 12, `${at202.length} requests`);
  assert.deepEqual(said, ['kunji: event too large']);
  await p.browserContext().close();
});

test('what waits when the page is left goes in beacons that the browser takes', async () => {
  const p = await known('leaves');
  await p.evaluate((next) => {
    history.replaceState(null, '', `?long=${'x'.repeat(3300)}`);
    for (let i = 0; i < 20; i++) self.kunji.track('left'); // 70 kB
    location.href = next;
  }, at('second'));
  // Browsers take 64 KiB in all: the last of so many are lost.
  await counted('leaves', 12, 'custom');
  await p.browserContext().close();
});
