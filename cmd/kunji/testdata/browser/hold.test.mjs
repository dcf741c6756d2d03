// What a page holds back until it is granted: scripts in their order, frames
// behind a placeholder, images; by purpose and by service; in every tab; and
// where the browser keeps no cookies.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { act, cookieNames, edge, eventually, launch, open, pause } from './browser.mjs';
import { html, tag, website } from './pages.mjs';

const slow = 'ran.push("slow")';
const integrity = (text) => `sha256-${createHash('sha256').update(text).digest('base64')}`;
const held = (attributes, text = '') => `<script type="text/plain" data-kunji="analytics" ${attributes}>${text}</script>`;
const frame = (service) => `<iframe title="${service}" width="400" height="200" data-kunji="marketing" data-kunji-service="${service}" data-src="/${service}"></iframe>`;
const begin = '<script>self.ran = []</script>';

let browser;
let site;
before(async () => {
  browser = await launch();
  site = await website({
    '/scripts': html('<h1>Scripts</h1>' + [
      held('data-src="/slow.js"'), held('', 'ran.push("inline")'), held('data-src="/second.js"'),
      held(`data-src="/whole.js" integrity="${integrity('ran.push("whole")')}" crossorigin="anonymous" id="whole"`),
      held(`data-src="/changed.js" integrity="${integrity('something else')}" crossorigin="anonymous"`),
      held('data-type="module"', 'ran.push(import.meta.url ? "module" : "")'),
      held('data-kunji-service="counter"', 'ran.push("counter")'),
      '<script type="text/plain" data-kunji="marketing">ran.push("marketing")</script>',
      '<script type="text/plain">ran.push("no purpose")</script>',
      '<script type="text/plain" data-kunji="something">ran.push("unknown purpose")</script>',
    ].join('') + tag('wide'), { head: begin }),
    '/frames': html(`<h1>Frames</h1>${frame('film')}${frame('map')}<img alt="" data-kunji="marketing" data-src="/image.gif">${tag('wide')}`, { head: begin }),
    '/next': html(`<h1>Next</h1>${held('', 'ran.push("analytics")')}${tag('wide')}`, { head: begin }),
    '/slow.js': slow, '/second.js': 'ran.push("second")', '/whole.js': 'ran.push("whole")', '/changed.js': 'ran.push("changed")', '/late.js': 'ran.push("late")',
    '/film': '<!doctype html><title>Film</title>', '/map': '<!doctype html><title>Map</title>', '/image.gif': Buffer.from('GIF89a'),
  });
});
beforeEach(() => { site.asked.length = 0; });
afterEach(async () => { for (const c of browser.browserContexts()) if (c !== browser.defaultBrowserContext()) await c.close(); });
after(async () => {
  await browser?.close();
  await site?.close();
});

const ran = (page) => page.evaluate(() => self.ran);
const expected = ['slow', 'inline', 'second', 'whole', 'counter', 'module']; // a module waits for its own turn, as browsers have it

test('scripts run once granted, in the page’s order, with integrity and type kept', async () => {
  const page = await open(browser, `${site.at}/scripts`);
  await pause(300);
  assert.deepEqual(await ran(page), []);
  assert.deepEqual(site.asked, ['/scripts'], 'a held script was asked for');
  await act(page, 'settings');
  await page.waitForSelector('>>> dialog.prefs', { visible: true });
  await page.evaluate(() => {
    const all = [...document.querySelector('kunji-banner').shadowRoot.querySelectorAll('dialog.prefs [role="switch"]')];
    all.find((i) => i.parentElement.textContent.includes('Counter')).click(); // which needs analytics, and turns it on
  });
  await act(page, 'save');
  await eventually('the scripts run', async () => (await ran(page)).includes('counter'));
  await pause(500);
  assert.deepEqual(await ran(page), expected);
  assert.equal(await page.$eval('#whole', (e) => e.crossOrigin), 'anonymous');
});

test('a no releases nothing, now and on the next page', async () => {
  const page = await open(browser, `${site.at}/scripts`);
  await act(page, 'reject');
  await eventually('the no is kept', async () => (await cookieNames(page)).length === 1);
  await page.reload({ waitUntil: 'load' });
  await page.goto(`${site.at}/frames`, { waitUntil: 'load' });
  await page.waitForSelector('>>> .box button', { visible: true });
  await pause(300);
  assert.deepEqual(await ran(page), []);
  assert.deepEqual([...new Set(site.asked)], ['/scripts', '/frames']);
});

test('what the page adds later is held and released too', async () => {
  const page = await open(browser, `${site.at}/next`);
  const add = () => page.evaluate(() => {
    const s = document.createElement('script');
    s.type = 'text/plain';
    s.dataset.kunji = 'marketing';
    s.dataset.src = '/late.js';
    const box = document.createElement('div');
    box.append(s);
    document.body.append(box);
  });
  await add();
  await pause(200);
  assert.deepEqual(await ran(page), []);
  await act(page, 'accept');
  await eventually('both run', async () => (await ran(page)).length === 2);
  await add();
  await eventually('the third runs', async () => (await ran(page)).length === 3);
  assert.deepEqual(await ran(page), ['analytics', 'late', 'late']);
});

test('a placeholder stands for a frame, in its size, and grants its service', async () => {
  const page = await open(browser, `${site.at}/frames`);
  await page.waitForSelector('>>> .box button', { visible: true });
  const boxes = await page.evaluate(() => [...document.querySelectorAll('kunji-placeholder')].map((p) => {
    const b = p.shadowRoot.querySelector('.box').getBoundingClientRect();
    return [Math.round(b.width) >= 400, Math.round(b.height) >= 200, p.shadowRoot.textContent.includes('127.0.0.1')];
  }));
  assert.deepEqual(boxes, [[true, true, true], [true, true, true]]);
  await page.evaluate(() => document.querySelector('kunji-placeholder').shadowRoot.querySelector('button').click());
  await eventually('the film is shown', async () => site.asked.includes('/film'));
  await eventually('its placeholder goes', async () => (await page.$$('kunji-placeholder')).length < 2);
  assert.ok(await page.$eval('iframe[title="film"]', (e) => e.getBoundingClientRect().width > 0));
  assert.equal((await page.evaluate(() => self.kunji.consent())).analytics, 'unset', 'a frame’s button granted more than its purpose');
});

test('a service turned off stays held though its purpose is granted', async () => {
  const page = await open(browser, `${site.at}/frames`);
  await act(page, 'settings');
  await page.waitForSelector('>>> dialog.prefs', { visible: true });
  await page.evaluate(() => {
    const all = [...document.querySelector('kunji-banner').shadowRoot.querySelectorAll('dialog.prefs [role="switch"]')];
    const named = (name) => all.find((i) => i.parentElement.textContent.includes(name));
    named('Map').click(); // which needs its purpose, and turns it on
    if (named('Film').checked) named('Film').click();
  });
  await act(page, 'save');
  await eventually('the map is shown', async () => site.asked.includes('/map') && site.asked.includes('/image.gif'));
  await page.reload({ waitUntil: 'load' });
  await page.waitForSelector('>>> .box button', { visible: true });
  await eventually('the map is shown again', () => page.$eval('iframe[title="map"]', (e) => e.contentDocument?.title === 'Map'));
  assert.ok(!site.asked.includes('/film'));
  assert.equal((await page.$$('kunji-placeholder')).length, 1);
});

test('a withdrawal takes back what a service left, and nothing else', async () => {
  const page = await open(browser, `${site.at}/next`);
  await act(page, 'accept');
  await eventually('the yes is kept', async () => (await cookieNames(page)).includes('kj_vid_wide'));
  await page.evaluate(() => {
    for (const name of ['_count', '_count_1', '_film', '_counter', 'basket']) document.cookie = `${name}=1; Path=/`;
    document.cookie = '_count_2=1; Path=/next';
    for (const area of [localStorage, sessionStorage]) for (const key of ['count', 'counted']) area.setItem(key, '1');
  });
  await page.evaluate(() => self.kunji.withdraw());
  await eventually('they are gone', async () => (await cookieNames(page)).join() === '_counter,basket,kj_consent_wide');
  assert.deepEqual(await page.evaluate(() => [localStorage, sessionStorage].map((a) => Object.keys(a).join())), ['counted', 'counted']);
});

test('a choice in one tab reaches the others', async () => {
  const first = await open(browser, `${site.at}/next`);
  const second = await first.browserContext().newPage();
  await second.goto(`${site.at}/next`, { waitUntil: 'load' });
  await second.waitForSelector('>>> [data-kunji-action="accept"]');
  await first.bringToFront();
  await act(first, 'accept');
  await eventually('the other tab releases', async () => (await ran(second)).join() === 'analytics');
  assert.equal(await second.evaluate(() => document.querySelector('kunji-banner').shadowRoot.querySelector('.layer')), null, 'the other tab asks on');
  await first.evaluate(() => self.kunji.withdraw());
  await eventually('the other tab knows', async () => (await second.evaluate(() => self.kunji.consent().analytics)) === 'denied');
});

/** Withdraws what a page's visitor decided in another place: this browser keeps a cookie that grants. */
async function withdrawElsewhere(page) {
  const cookie = (await page.browserContext().cookies()).map((c) => `${c.name}=${c.value}`).join('; ');
  const answer = await fetch(`${edge}/v1/consent`, {
    method: 'POST', headers: { Cookie: cookie, Origin: site.at }, body: JSON.stringify({ site: 'wide', method: 'withdraw', surface: 'api' }),
  });
  assert.equal(answer.status, 200);
}

const heard = (page) => page.evaluate(() => [self.kunji.consent().analytics, !!document.querySelector('kunji-banner').shadowRoot.querySelector('.layer')]);

test('a decision that counts no more is asked for again, and releases nothing more', async () => {
  const page = await open(browser, `${site.at}/next`);
  await act(page, 'accept');
  await eventually('the yes is kept', async () => (await cookieNames(page)).includes('kj_vid_wide'));
  await withdrawElsewhere(page);
  assert.deepEqual(await heard(page), ['granted', false]);
  await page.evaluate(() => self.kunji.track('hit'));
  await eventually('it is asked again', async () => (await heard(page)).join() === 'unset,true');
  assert.deepEqual(await cookieNames(page), ['kj_consent_wide']);
  await page.evaluate(() => {
    const s = document.createElement('script');
    s.type = 'text/plain';
    s.dataset.kunji = 'analytics';
    s.text = 'ran.push("more")';
    document.body.append(s);
  });
  await pause(300);
  assert.deepEqual(await ran(page), ['analytics']);
  const next = await page.browserContext().newPage();
  await next.goto(`${site.at}/next`, { waitUntil: 'load' });
  await act(next, 'accept');
  await eventually('the new yes counts, in the first tab too', async () => (await ran(next)).length === 1 && (await ran(page)).length === 2);
});

/** The rights address that the preferences show, which leads to a page. */
async function handedOver(page) {
  const link = await page.waitForSelector('>>> dialog.prefs a.rights', { visible: true });
  const address = await link.evaluate((a) => a.href);
  assert.ok(address.startsWith(`${edge}/r/`), address);
  assert.equal((await fetch(address, { headers: { Accept: 'text/html' } })).status, 200);
  return page.evaluate(() => document.querySelector('kunji-banner').shadowRoot.querySelectorAll('dialog.prefs [role="switch"]').length);
}

test('a hit’s answer that takes the identifier away hands over the rights address', async () => {
  for (const choosing of [false, true]) {
    const page = await open(browser, `${site.at}/next`);
    await act(page, 'accept');
    await eventually('the yes is kept', async () => (await cookieNames(page)).includes('kj_vid_wide'));
    await withdrawElsewhere(page);
    if (choosing) {
      await page.evaluate(() => self.kunji.show());
      await page.waitForSelector('>>> dialog.prefs', { visible: true });
    }
    await page.evaluate(() => self.kunji.track('hit'));
    assert.equal(await handedOver(page) > 0, choosing, 'whoever is choosing goes on, and nobody else has to choose');
    assert.ok(!(await page.$eval('>>> dialog.prefs', (d) => d.textContent)).includes('Withdrawn.'));
  }
});

test('a frame’s button that makes a new identifier hands over the right to the old one', async () => {
  const page = await open(browser, `${site.at}/frames`);
  await act(page, 'accept');
  await eventually('the yes is kept', async () => (await cookieNames(page)).includes('kj_vid_wide'));
  const context = page.browserContext();
  // The identifier alone is left, as where its decision is over.
  await context.deleteCookie(...(await context.cookies()).filter((c) => c.name === 'kj_consent_wide'));
  await page.reload({ waitUntil: 'load' });
  await page.waitForSelector('>>> .box button', { visible: true });
  await page.evaluate(() => document.querySelector('kunji-placeholder').shadowRoot.querySelector('button').click());
  await handedOver(page);
});

test('cookies blocked: the answer holds for this page load, and the settings say why', async () => {
  const blocking = await launch([], { content: { cookies: 2 }, prefs: { 'network.cookie.cookieBehavior': 2 } });
  try {
    const page = await blocking.newPage();
    await page.goto(`${site.at}/next`, { waitUntil: 'load' });
    assert.equal(await page.evaluate(() => { document.cookie = 'a=1'; return document.cookie; }), '', 'the browser keeps cookies');
    await act(page, 'accept');
    await eventually('it is released', async () => (await ran(page)).join() === 'analytics');
    await page.evaluate(() => self.kunji.show());
    await page.waitForSelector('>>> dialog.prefs .note', { visible: true });
    await page.reload({ waitUntil: 'load' });
    await page.waitForSelector('>>> [data-kunji-action="accept"]', { visible: true });
    assert.deepEqual(await ran(page), [], 'the answer outlived its page');
  } finally {
    await blocking.close();
  }
});
