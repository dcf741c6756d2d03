// The parts of the console's pages that a script brings to life: what they add,
// and that pages without them load no script.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browserName, consoleAt, edge, eventually, launch, open, password, shop, sql } from './browser.mjs';

let browser;
let desk;

/** A person who agrees and comes from a source: what their browser would send. */
async function visit(source) {
  let cookie = '';
  const post = async (path, body) => {
    const answer = await fetch(`${edge}${path}`, {
      method: 'POST', body: JSON.stringify({ site: 'shop', ...body }),
      headers: { 'Origin': edge, 'User-Agent': await browser.userAgent(), 'Content-Type': 'application/json', 'Cookie': cookie },
    });
    assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
    cookie = answer.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ') || cookie;
  };
  await post('/v1/consent', { method: 'accept_all', surface: 'banner', notice: { language: 'en' } });
  await post('/v1/events', { events: [{ kind: 'page_view', url: `${shop}?utm_source=${source}&utm_medium=test` }] });
}

before(async () => {
  browser = await launch();
  // Of two groups that are large enough to be named at least one is: the other may
  // be folded with smaller ones.
  for (let i = 0; i < 6; i++) for (const source of ['island', 'lagoon']) await visit(`${source}-${browserName}`);
  await eventually('the visits arrive', async () => (await sql(`SELECT count() AS n FROM events WHERE source IN ('island-${browserName}', 'lagoon-${browserName}') AND kind = 'visit'`))[0].n >= 12);
  desk = await open(browser, `${consoleAt}/signin?lang=en`);
  await desk.setViewport({ width: 1280, height: 900 });
  await desk.type('#name', 'demo');
  await desk.type('#password', password);
  await Promise.all([desk.waitForNavigation(), desk.click('form button.primary')]);
});
after(async () => { await browser?.close(); });

const text = (selector) => desk.$eval(selector, (e) => e.textContent.trim());

/** Opens a page with a chart, and waits for its island. */
async function chart(path = '/reports/timeseries') {
  desk.complaints.length = 0;
  const answer = await desk.goto(`${consoleAt}${path}`, { waitUntil: 'load' });
  await desk.waitForSelector('.plot canvas');
  await desk.$eval('.plot', (e) => e.scrollIntoView({ block: 'center' }));
  return answer;
}

/** What the table below the chart says of a day, as the chart is to say it: from the end for numbers below 0. */
const row = (at) => desk.$$eval('.chart tbody tr', (rows, at) => [...rows.at(at).children].map((c) => c.textContent.trim()), at);

test('a chart tells the figures of its table, to the pointer and to the keyboard', async () => {
  await chart();
  const names = await desk.$$eval('.chart thead th', (all) => all.slice(1).map((c) => c.textContent.trim()));
  const spoken = async (at) => { const [day, ...figures] = await row(at); return [day, ...figures.map((f, i) => `${names[i]} ${f}`)].join(', '); };
  const says = () => desk.$eval('.plot', (e) => e.getAttribute('aria-valuetext'));
  assert.ok(Number((await row(-1))[1]) > 0, 'there is no visit to show');
  const over = await (await desk.$('.plot .u-over')).boundingBox();
  await desk.mouse.move(over.x + over.width - 8, over.y + 20);
  await desk.waitForSelector('.tip');
  const [day, ...figures] = await row(-1);
  assert.equal(await text('.tip strong'), day);
  assert.deepEqual(await desk.$$eval('.tip dd', (all) => all.map((e) => e.textContent)), figures);
  await desk.mouse.move(over.x + 20, over.y - 60);
  await desk.waitForSelector('.tip', { hidden: true });

  await desk.focus('.chart .measures input');
  await desk.keyboard.press('Tab'); // on to the plot, as a keyboard comes there
  await desk.waitForSelector('.tip');
  assert.ok((await says()).startsWith(await spoken(-1)), await says());
  await desk.keyboard.press('ArrowLeft');
  await eventually('the day before is said', async () => (await says()).startsWith(await spoken(-2)));
  await desk.keyboard.press('Home');
  await eventually('the first day is said', async () => (await says()).startsWith(await spoken(0)));
  assert.deepEqual(desk.complaints, []);
});

test('days are chosen by dragging or by keys, and can be asked for alone', async () => {
  await chart();
  const over = await (await desk.$('.plot .u-over')).boundingBox();
  await desk.mouse.move(over.x + over.width * .5, over.y + 40);
  await desk.mouse.down();
  await desk.mouse.move(over.x + over.width * .8, over.y + 50, { steps: 4 });
  await desk.mouse.up();
  await desk.waitForSelector('.zoomed');
  const [from, to] = (await text('.zoomed span')).split(' – ');
  const days = await desk.$$eval('.chart tbody th', (all) => all.map((c) => c.textContent));
  assert.ok(days.indexOf(from) > 10 && days.indexOf(to) < 27 && from < to, `${from} to ${to}`);
  await desk.click('.zoomed button');
  await desk.waitForSelector('.zoomed', { hidden: true });

  await desk.focus('.chart .measures input');
  await desk.keyboard.press('Tab');
  await desk.keyboard.down('Shift');
  for (let i = 0; i < 3; i++) await desk.keyboard.press('ArrowLeft');
  await desk.keyboard.up('Shift');
  await desk.keyboard.press('Enter');
  await desk.waitForSelector('.zoomed');
  await Promise.all([desk.waitForNavigation(), desk.click('.zoomed a')]);
  assert.deepEqual([await desk.$eval('#from', (e) => e.value), await desk.$eval('#to', (e) => e.value)], [days.at(-4), days.at(-1)]);
  assert.deepEqual(desk.complaints, []);
});

test('a chart follows the theme, the window and the chosen measure', async () => {
  const barsArePainted = () => desk.$eval('.plot canvas', (canvas) => {
    const [r, g, b] = getComputedStyle(document.documentElement).getPropertyValue('--bar').match(/[0-9a-f]{2}/g).map((hex) => Number.parseInt(hex, 16));
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] === r && data[i + 1] === g && data[i + 2] === b) n++;
    return n > 500;
  });
  if (browserName === 'chromium') await desk.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
  await chart();
  await eventually('bars are drawn', barsArePainted);
  if (browserName === 'chromium') { // Firefox cannot be told
    await desk.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
    await eventually('the bars have the colour of the dark', barsArePainted);
    await desk.emulateMediaType('print');
    const shown = (selector) => desk.$eval(selector, (e) => e.getClientRects().length > 0);
    assert.deepEqual([await shown('.still'), await shown('.plot')], [true, false], 'on paper');
    await desk.emulateMediaType('screen');
    assert.deepEqual([await shown('.still'), await shown('.plot')], [false, true], 'on screen');
  }
  await desk.setViewport({ width: 320, height: 800 });
  await eventually('the chart is as narrow as the window', () => desk.$eval('.plot canvas', (e) => e.getBoundingClientRect().right <= 320 && e.getBoundingClientRect().width > 200));
  assert.ok(await desk.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the window');
  await desk.setViewport({ width: 1280, height: 900 });
  const drawn = () => desk.$eval('.plot canvas', (e) => e.toDataURL());
  const one = await drawn();
  await desk.$$eval('.measures input', (all) => all.at(-1).click()); // nothing was sold
  await eventually('another measure is drawn', async () => (await drawn()) !== one);
  assert.deepEqual(desk.complaints, []);
});

test('a new filter suggests what the tables name', async () => {
  await chart('/reports/sources');
  await desk.select('#column', 'source');
  const suggested = await desk.$$eval('#values option', (all) => all.map((o) => o.value));
  const named = await desk.$$eval('.figures tbody th a', (all) => all.map((a) => new URLSearchParams(a.search).getAll('filter').at(-1).replace('source:', '')));
  assert.ok(named.length > 0, 'the table names no source');
  assert.deepEqual(suggested, named);
  await desk.select('#column', 'country');
  assert.deepEqual(await desk.$$eval('#values option', (all) => all.map((o) => o.value)), []);
});

test('a link shows where it will lead, and a pasted address is taken apart', async () => {
  await desk.goto(`${consoleAt}/links`, { waitUntil: 'load' });
  await desk.type('#url', 'https://shop.example/oolong?utm_source=Baidu&utm_medium=cpc&size=250');
  await desk.keyboard.press('Tab');
  assert.deepEqual([await desk.$eval('#url', (e) => e.value), await desk.$eval('#source', (e) => e.value), await desk.$eval('#medium', (e) => e.value)],
    ['https://shop.example/oolong?size=250', 'Baidu', 'cpc']);
  await desk.type('#campaign', 'autumn tea');
  const preview = 'https://shop.example/oolong?size=250&utm_source=baidu&utm_medium=cpc&utm_campaign=autumn+tea';
  assert.equal(await text('.preview code'), preview);
  await Promise.all([desk.waitForNavigation(), desk.click('form.upload button.primary')]);
  const made = new URL(await text('.verdict .address'));
  assert.deepEqual([...made.searchParams].sort(), [...new URL(preview).searchParams].sort(), 'the server made another address than it was shown');
  await eventually('a pixel leads nowhere', async () => {
    await desk.select('#kind', 'impression'); // it listens from its first painting on
    return (await desk.$eval('#url', (e) => e.getClientRects().length)) === 0;
  });
});

test('pages without islands load no script, and may not', async () => {
  const loads = async (path) => {
    const answer = await desk.goto(`${consoleAt}${path}`, { waitUntil: 'load' });
    const scripts = await desk.evaluate(() => performance.getEntriesByType('resource').filter((e) => e.name.endsWith('.js')).length);
    return [scripts > 0, /script-src/.test(answer.headers()['content-security-policy'])];
  };
  for (const path of ['/installation', '/audit', '/mail', '/notes/segments', '/costs/upload']) assert.deepEqual(await loads(path), [false, false], path);
  for (const path of ['/reports/sources', '/reports/funnel', '/links']) assert.deepEqual(await loads(path), [true, true], path);
  const empty = '/reports/campaigns?from=2025-01-01&to=2025-01-07'; // no chart where there is no visit
  await desk.goto(`${consoleAt}${empty}`, { waitUntil: 'load' });
  assert.ok(!(await desk.$$eval('script', (all) => all.map((s) => s.src))).some((s) => s.includes('/chart.')), 'a chart is loaded for nothing');
  assert.ok((await desk.$$eval('script', (all) => all.map((s) => s.textContent))).every((s) => s === ''), 'a script stands in the page');
});
