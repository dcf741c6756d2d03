// Google's Consent Mode, Microsoft's UET and Clarity: what a page's recorded
// tags are told, in which order, before and after each choice and on the next
// page, with the inline default of `kunji snippet mode --consent-mode`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { act, cookieNames, edge, eventually, launch, open } from './browser.mjs';
import { html, website } from './pages.mjs';

const snippet = process.env.KUNJI_TEST_SNIPPET;
const head = snippet.split('\n').filter((line) => line.startsWith('<script')).join('\n');

// The site's own tags, as Google's and Microsoft's installation texts have them.
const tags = `<script>gtag('js', new Date()); gtag('config', 'G-TEST'); uetq.push('pageLoad');</script>`;

let browser;
let site;
before(async () => {
  browser = await launch();
  site = await website({ '/': html('<h1>Tags</h1>', { head: head + tags }) });
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const keys = ['ad_storage', 'ad_user_data', 'ad_personalization', 'analytics_storage', 'functionality_storage', 'personalization_storage'];
const all = (v) => ({ ...Object.fromEntries(keys.map((k) => [k, v])), security_storage: 'granted' });
const defaults = { ...all('denied'), wait_for_update: 500 };
const start = [['consent', 'default', defaults], ['set', 'ads_data_redaction', true], ['js', 'date'], ['config', 'G-TEST']];
const event = (v) => ({ event: 'kunji_consent', kunji: { preferences: v, analytics: v, marketing: v } });
const told = (v) => [['consent', 'update', all(v)], event(v)];

/** What the tags were told so far, in order. */
const layers = (page) => page.evaluate(() => {
  const plain = (e) => (e instanceof Date ? 'date' : e);
  const list = (e) => (Object.prototype.toString.call(e) === '[object Arguments]' ? [...e].map(plain) : e);
  return { dataLayer: self.dataLayer.map(list), uetq: [...self.uetq], clarity: self.clarity.q.map(list) };
});

/** Waits until dataLayer has this many entries more than at the start. */
const after_ = (page, n) => eventually(`${n} calls`, async () => {
  const l = await layers(page);
  return l.dataLayer.length >= start.length + n && l;
});

const kept = (page) => eventually('the answer is kept', async () => (await cookieNames(page)).includes('kj_consent_mode'));

test('the snippet stands in the order that the tags need', () => {
  assert.match(head, /^<script>[^]*consent','default'[^]*<\/script>\n<script src="[^"]+\/b\/mode\.js" async><\/script>$/);
  assert.ok(head.includes(edge));
});

test('before a choice: the default, and nothing else', async () => {
  const page = await open(browser, site.at);
  await page.waitForSelector('>>> [data-kunji-action="accept"]', { visible: true });
  const l = await layers(page);
  assert.deepEqual(l.dataLayer, start);
  assert.deepEqual(l.uetq, ['consent', 'default', { ad_storage: 'denied' }, 'pageLoad']);
  assert.deepEqual(l.clarity, [['consentv2', { ad_Storage: 'denied', analytics_Storage: 'denied' }]]);
  await page.browserContext().close();
});

for (const [action, value] of [['accept', 'granted'], ['reject', 'denied']]) {
  test(`${action}: one update, and one more on each later page before anything else loads`, async () => {
    const page = await open(browser, site.at);
    await act(page, action);
    await kept(page);
    let l = await after_(page, 2);
    assert.deepEqual(l.dataLayer, [...start, ...told(value)]);
    assert.deepEqual(l.uetq.slice(4), ['consent', 'update', { ad_storage: value }]);
    assert.deepEqual(l.clarity.slice(1), [['consentv2', { ad_Storage: value, analytics_Storage: value }]]);
    await page.reload({ waitUntil: 'load' });
    l = await after_(page, 2);
    assert.deepEqual(l.dataLayer, [...start, ...told(value)]);
    await page.browserContext().close();
  });
}

test('one purpose alone, then all of it taken back', async () => {
  const page = await open(browser, site.at);
  await act(page, 'settings');
  await page.waitForSelector('>>> dialog.prefs', { visible: true });
  await page.evaluate(() => document.querySelector('kunji-banner').shadowRoot.querySelectorAll('dialog.prefs [role="switch"]')[1].click());
  await act(page, 'save');
  await kept(page);
  let l = await after_(page, 2);
  const some = { ...all('denied'), analytics_storage: 'granted' };
  assert.deepEqual(l.dataLayer.slice(start.length), [['consent', 'update', some],
    { event: 'kunji_consent', kunji: { preferences: 'denied', analytics: 'granted', marketing: 'denied' } }]);
  assert.deepEqual(l.clarity.at(-1), ['consentv2', { ad_Storage: 'denied', analytics_Storage: 'granted' }]);
  await page.evaluate(() => self.kunji.withdraw());
  l = await after_(page, 4);
  assert.deepEqual(l.dataLayer.slice(start.length + 2), told('denied'));
  await page.reload({ waitUntil: 'load' });
  l = await after_(page, 2);
  assert.deepEqual(l.dataLayer, [...start, ...told('denied')]);
  await page.browserContext().close();
});
