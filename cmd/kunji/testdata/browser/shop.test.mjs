// The main job, as a visitor and a marketer see it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { act, browserName, consoleAt, cookieNames, eventually, launch, open, password, pause, shop, sql } from './browser.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

const count = async (where) => Number((await sql(`SELECT count() AS n FROM events WHERE ${where}`))[0].n);

// settled is how many rows there are once none of the pages before sends more.
const settled = async () => {
  let last;
  return (await eventually('nothing more arrives', async () => {
    const before = last;
    last = { rows: await count('1') };
    await pause(1500);
    return last.rows === before?.rows && last;
  })).rows;
};

test('a no leaves the decision and nothing else', async () => {
  const rows = await settled();
  const page = await open(browser, `${shop}?utm_source=refused&utm_medium=cpc`);
  await act(page, 'reject');
  await eventually('the decision is kept', async () => (await cookieNames(page)).length > 0);
  await page.goto(`${shop}tea/oolong`, { waitUntil: 'load' });
  await pause(1500);
  assert.deepEqual(await cookieNames(page), ['kj_consent_shop']);
  assert.equal(await page.$('>>> [data-kunji-action="accept"]'), null, 'the banner asks again after a no');
  assert.equal(await count('1'), rows, 'a refusal left a row');
  assert.deepEqual(page.complaints, []);
  await page.browserContext().close();
});

test('a yes keeps one page view and one visit with the landing page’s campaign', async () => {
  const source = `accepted-${browserName}`;
  const page = await open(browser, `${shop}?utm_source=${source}&utm_medium=cpc&utm_campaign=landing`);
  await act(page, 'accept');
  await eventually('the page view arrives', async () => (await count(`kind = 'page_view' AND source = '${source}'`)) > 0);
  await pause(1000);
  const rows = await sql(`SELECT kind, campaign, path, machine, toString(visitor != 0) AS known FROM events WHERE source = '${source}' ORDER BY kind`);
  assert.deepEqual(rows.map((r) => [r.kind, r.campaign, r.path]), [['page_view', 'landing', '/shop/'], ['visit', 'landing', '/shop/']]);
  assert.deepEqual(await cookieNames(page), ['kj_consent_shop', 'kj_ses_shop', 'kj_src_shop', 'kj_vid_shop']);
  assert.deepEqual(page.complaints, []);
  await page.browserContext().close();
});

test('a campaign link and a purchase stand in the report', async () => {
  const page = await open(browser, shop);
  await act(page, 'accept');
  await eventually('the yes is kept', async () => (await cookieNames(page)).includes('kj_vid_shop'));
  await page.evaluate(() => document.querySelector('ul.links a[href*="google"]').click());
  await page.waitForFunction(() => location.search.includes('gclid'));
  await page.goto(`${shop}tea/longjing`, { waitUntil: 'load' });
  await page.click('form button');
  await page.waitForSelector('#order');
  const order = await page.$eval('#order', (e) => e.dataset.order);
  const [row] = await eventually('the purchase arrives', async () => {
    const rows = await sql(`SELECT source, medium, campaign, toString(value) AS value, currency FROM events WHERE kind = 'conversion' AND order_id = '${order}'`);
    return rows.length ? rows : null;
  });
  assert.deepEqual(row, { source: 'google', medium: 'cpc', campaign: 'autumn-tea', value: '268', currency: 'CNY' });
  assert.deepEqual(page.complaints, []);
  await page.browserContext().close();

  const desk = await open(browser, `${consoleAt}/`);
  await desk.type('input[name="name"], input[name="user"]', 'demo');
  await desk.type('input[type="password"]', password);
  await Promise.all([desk.waitForNavigation(), desk.click('form button[type="submit"], form button')]);
  await desk.goto(`${consoleAt}/reports/campaigns?site=shop`, { waitUntil: 'load' });
  // Not innerText: a table below the window is laid out when it is scrolled to.
  const text = await desk.$eval('main', (e) => e.textContent);
  assert.match(text, /268|fewer than/i, 'the campaign report does not show the purchase');
  assert.deepEqual(desk.complaints, []);
  await desk.browserContext().close();
});

test('withdrawing takes the identifiers away and stops collection', async () => {
  const page = await open(browser, `${shop}?utm_source=leaves-${browserName}`);
  await act(page, 'accept');
  await eventually('the page view arrives', async () => (await count(`source = 'leaves-${browserName}' AND kind = 'page_view'`)) > 0);
  await page.evaluate(() => window.kunji.withdraw());
  await eventually('only the decision is left', async () => (await cookieNames(page)).join() === 'kj_consent_shop');
  const rows = await count(`source = 'leaves-${browserName}'`);
  await page.reload({ waitUntil: 'load' });
  await pause(1500);
  assert.equal(await count(`source = 'leaves-${browserName}'`), rows);
  await page.browserContext().close();
});

test('the edge away: the page works, nothing is asked, held scripts stay held', async () => {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setContent(`<p id="text">hello</p><script type="text/plain" data-kunji="marketing">window.ran = true</script><script async src="http://127.0.0.1:9/b/shop.js"></script>`);
  await pause(800);
  assert.equal(await page.$eval('#text', (e) => e.textContent), 'hello');
  assert.equal(await page.evaluate(() => window.ran), undefined);
  await context.close();
});
