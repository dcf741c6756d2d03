// Pages under the strictest Content-Security-Policy and Trusted Types: nothing
// of the banner, of its dialog or of what it releases breaks them; a page that
// forbids the policy named kunji keeps everything held, and the banner works.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { act, cookieNames, edge, eventually, launch, open, pause } from './browser.mjs';
import { html, tag, website } from './pages.mjs';

const nonce = 'bm9uY2U';
const strict = (types) => [`default-src 'none'`, `script-src 'nonce-${nonce}' 'strict-dynamic'`, `style-src 'self'`, `connect-src ${edge}`,
  `img-src 'self' data:`, `frame-src 'self'`, `base-uri 'none'`, `require-trusted-types-for 'script'`, types].join('; ');
const held = (attributes, text = '') => `<script type="text/plain" data-kunji="marketing" ${attributes}>${text}</script>`;

// Reports come as events to the page itself, before anything else runs.
const watch = `<script nonce="${nonce}">self.broken = []; self.ran = [];
  addEventListener('securitypolicyviolation', (e) => broken.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));</script>`;

const body = `<main><h1>A page</h1>${held(`nonce="${nonce}"`, 'ran.push("inline")')}${held(`nonce="${nonce}" data-src="/held.js"`)}
  ${held('', 'ran.push("injected")')}${held('data-src="/injected.js"')}
  <iframe title="A frame" data-kunji="marketing" data-kunji-service="film" data-src="/frame"></iframe><img alt="" data-kunji="marketing" data-src="/held.gif"></main>`;

let browser;
let site;
before(async () => {
  browser = await launch();
  const page = (types) => ({ body: html(body, { head: watch + tag('wide', { attributes: `async nonce="${nonce}"` }) }), headers: { 'Content-Security-Policy': strict(types) } });
  site = await website({
    '/kunji': page('trusted-types kunji'),
    '/none': page(`trusted-types 'none'`),
    '/other': page('trusted-types other'),
    '/held.js': 'ran.push("src")',
    '/injected.js': 'ran.push("injected src")',
    '/held.gif': Buffer.from('R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64'),
    '/frame': '<!doctype html><title>A frame</title>',
  });
});
beforeEach(() => { site.asked.length = 0; });
after(async () => {
  await browser?.close();
  await site?.close();
});

const broken = (page) => page.evaluate(() => self.broken);
const ran = (page) => page.evaluate(() => self.ran);

test('banner, dialog and released code break no rule of a strict page', async () => {
  const page = await open(browser, `${site.at}/kunji`);
  await page.waitForSelector('>>> .box button', { visible: true });
  await act(page, 'settings');
  await act(page, 'close');
  assert.deepEqual(await ran(page), []);
  assert.deepEqual(site.asked.filter((p) => p !== '/kunji'), [], 'something held was asked for');
  await act(page, 'accept');
  await eventually('the frame is released', async () => site.asked.includes('/frame') && site.asked.includes('/held.gif'));
  await eventually('the scripts run', async () => (await ran(page)).length === 2);
  await pause(500);
  assert.deepEqual(await ran(page), ['inline', 'src'], 'a script without the page’s nonce ran');
  assert.equal(await page.$('>>> kunji-placeholder'), null, 'the placeholder stays');
  assert.deepEqual(await broken(page), []);
  assert.deepEqual(page.complaints, []);

  await page.reload({ waitUntil: 'load' });
  await eventually('the scripts run on the next page', async () => (await ran(page)).length === 2);
  assert.deepEqual(await broken(page), []);
  await page.browserContext().close();
});

test('a yes that is taken back breaks none either', async () => {
  const page = await open(browser, `${site.at}/kunji`);
  await act(page, 'accept');
  await eventually('the yes is kept', async () => (await cookieNames(page)).includes('kj_vid_wide'));
  await page.evaluate(() => self.kunji.withdraw());
  await eventually('only the decision is left', async () => (await cookieNames(page)).join() === 'kj_consent_wide');
  await pause(300);
  assert.deepEqual(await broken(page), []);
  await page.browserContext().close();
});

for (const path of ['/none', '/other']) {
  test(`a page that forbids the policy (${path}): the banner works, what is held stays held`, async () => {
    const page = await open(browser, site.at + path);
    await act(page, 'accept');
    await eventually('the yes is kept', async () => (await cookieNames(page)).includes('kj_vid_wide'));
    await pause(500);
    assert.deepEqual(await ran(page), []);
    assert.deepEqual(site.asked.filter((p) => p !== path), []);
    const others = (await broken(page)).filter((v) => !/^trusted-types trusted-types-policy kunji/.test(v));
    assert.deepEqual(others, [], 'more than the policy itself was refused');
    await act(page, 'settings');
    await page.waitForSelector('>>> [data-kunji-action="withdraw"]', { visible: true });
    await page.browserContext().close();
  });
}
