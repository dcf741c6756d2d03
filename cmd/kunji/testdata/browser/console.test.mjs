// Every page of the console, as axe and a narrow screen see it, and what works
// there without script. Chromium alone: islands.test.mjs is for both.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { act, browserName, consoleAt, cookieNames, eventually, launch, open, password, shop, sql } from './browser.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

if (browserName === 'chromium') {
  let browser;
  let desk;

  before(async () => {
    browser = await launch();
    const visitor = await open(browser, `${shop}?utm_source=console&utm_medium=test`);
    await act(visitor, 'accept');
    await eventually('the yes is kept', async () => (await cookieNames(visitor)).includes('kj_vid_shop'));
    await eventually('the visit arrives', async () => (await sql("SELECT count() AS n FROM events WHERE source = 'console' AND kind = 'visit'"))[0].n > 0);
    await visitor.browserContext().close();
    desk = await open(browser, `${consoleAt}/signin`);
    desk.setDefaultTimeout(60_000);
    await desk.type('#name', 'demo');
    await desk.type('#password', password);
    await Promise.all([desk.waitForNavigation(), desk.click('form button.primary')]);
  });
  after(async () => { await browser?.close(); });

  // look opens a page once and looks at it twice.
  const look = async (page, path) => {
    page.complaints.length = 0;
    const answer = await page.goto(`${consoleAt}${path}`, { waitUntil: 'load' });
    await page.evaluate(axe);
    for (const [width, theme] of [[1280, 'light'], [320, 'dark']]) {
      await page.setViewport({ width, height: 800 });
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
      const found = await page.evaluate(async () => {
        const { violations } = await self.axe.run(document);
        const wide = document.documentElement.scrollWidth > innerWidth;
        return [...violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`), ...(wide ? ['the page is wider than the window'] : [])];
      });
      assert.deepEqual(found, [], `${path} at ${width} in the ${theme}`);
      for (const d of await page.$$('details')) await d.evaluate((e) => { e.open = true; });
    }
    assert.deepEqual(page.complaints.filter((c) => answer.ok() || !c.includes('status of')), [], path); // an error page is one
  };

  test('axe finds nothing on any page, light and wide, dark and narrow, and nothing is cut off', async () => {
    const pages = await desk.$$eval('.tabs a', (all) => all.map((a) => a.getAttribute('href')));
    assert.ok(pages.length > 15, `the navigation names ${pages.length} pages`);
    pages.push('/reports/campaigns?filter=country:XX', '/reports/coverage?estimate=yes', '/reports/timeseries?by=minute', '/costs/upload', '/nothing');
    for (const [i, path] of pages.entries()) await look(desk, `${path}${path.includes('?') ? '&' : '?'}lang=${i % 2 ? 'zh-CN' : 'en'}`);
    await desk.goto(`${consoleAt}/reports/campaigns?lang=en`, { waitUntil: 'load' });
    const stranger = await open(browser, `${consoleAt}/signin`);
    await look(stranger, '/signin');
    await stranger.browserContext().close();
  });

  test('a filter, a mark and a shared link work without script', async () => {
    await desk.setViewport({ width: 1280, height: 800 });
    await desk.setJavaScriptEnabled(false);
    await desk.goto(`${consoleAt}/reports/timeseries`, { waitUntil: 'load' });
    const send = (selector) => Promise.all([desk.waitForNavigation(), desk.$eval(`${selector} button`, (b) => b.click())]);
    await desk.$eval('#mark-text', (e) => { e.value = 'A mark from the page'; });
    await send('form[action="/notes/marks"]');
    assert.match(await desk.$eval('.marks', (e) => e.textContent), /A mark from the page/);
    await desk.$eval('#share', (e) => { e.value = 'For the board'; });
    await send('form[action="/notes/shares"]');
    const link = await desk.$eval('.copy', (e) => e.textContent);
    const stranger = await open(browser, link);
    assert.match(await stranger.$eval('.shared', (e) => e.textContent), /For the board/);
    assert.deepEqual(await cookieNames(stranger), []);
    assert.equal(await stranger.$('.tabs, main form'), null, 'a shared page leads further');
    await look(stranger, new URL(link).pathname);
    await desk.goto(`${consoleAt}/reports/timeseries`, { waitUntil: 'load' });
    await desk.select('#column', 'country');
    await desk.$eval('#value', (e) => { e.value = 'XX'; });
    await send('form:has(#column)');
    assert.match(desk.url(), /filter=country%3AXX/);
    assert.match(await desk.$eval('.empty', (e) => e.textContent), /fewer than 5 visitors/);
    await desk.goto(`${consoleAt}/notes/shares`, { waitUntil: 'load' });
    await send('td form');
    const gone = await stranger.goto(link);
    assert.equal(gone.status(), 404);
    await stranger.browserContext().close();
  });
}
