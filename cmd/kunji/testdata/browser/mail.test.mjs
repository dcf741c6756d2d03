// A mail as its reader sees it: opened, its link followed, unsubscribed from.
// The mail is made by the console's interface, as a sender makes it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { act, browserName, consoleAt, cookieNames, eventually, launch, open, pause, shop, sql } from './browser.mjs';
import { html, tag, website } from './pages.mjs';

// A service may see several runs.
const run = `${browserName}-${Math.random().toString(36).replace(/[^a-z]/g, '').slice(0, 5)}`;

let browser;
let inbox;
before(async () => {
  browser = await launch();
  // A page of the shop's outside of the edge: the edge's own links stay as they are.
  inbox = await website({ '/oolong': html(`<h1>Oolong</h1>${tag('shop')}`) });
});
after(async () => {
  await browser?.close();
  await inbox?.close();
});

/** Asks the console as a sender does. */
async function ask(path, body) {
  const answer = await fetch(`${consoleAt}${path}`, {
    method: 'POST', headers: { 'Authorization': 'Bearer secret-mailer', 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.json() };
}

/** Makes a mail to a recipient and lays it into the inbox. */
async function send(name, campaign) {
  const { status, body } = await ask('/api/v1/mail/instrument', {
    site: 'shop', campaign, recipient: `${name}-${run}@reader.example`, ref: name, list: 'weekly',
    html: html(`<p>Oolong has come.</p><a id="tea" href="${inbox.at}/oolong">See it</a>`),
  });
  assert.equal(status, 200, JSON.stringify(body));
  inbox.answers[`/${name}`] = body.html;
  return body;
}

const agree = async (name) => {
  const { status, body } = await ask('/api/v1/mail/consents', [{
    site: 'shop', recipient: `${name}-${run}@reader.example`, mail_open: true, mail_click: true, time: new Date(Date.now() - 60_000).toISOString(), proof: 'form of the test',
  }]);
  assert.equal(status, 200, JSON.stringify(body));
};

const count = async (campaign, kind) => Number((await sql(`SELECT count() AS n FROM events WHERE campaign = '${campaign}' AND kind = '${kind}'`))[0].n);

test('a mail is opened, its link followed, and the session is the mail’s', async () => {
  const campaign = `tea-${run}`;
  await agree('anna');
  const page = await open(browser, shop);
  await act(page, 'accept');
  await eventually('the yes is kept', async () => (await cookieNames(page)).includes('kj_vid_shop'));
  await eventually('the edge has heard of the consent', async () => {
    const mail = await send('anna', campaign);
    if (!mail.pixel || !mail.tracked) return false;
    await page.goto(`${inbox.at}/anna`, { waitUntil: 'load' });
    await pause(700);
    return (await count(campaign, 'mail_open')) > 0;
  });
  await page.evaluate(() => document.querySelector('#tea').click());
  await page.waitForFunction(() => location.pathname === '/oolong');
  await eventually('the click arrives', async () => (await count(campaign, 'mail_click')) === 1);
  await eventually('the visit arrives', async () => (await count(campaign, 'visit')) === 1);
  const rows = await sql(`SELECT kind, source, medium, toString(visitor != 0) AS known, toString(recipient != 0) AS mailed FROM events
    WHERE campaign = '${campaign}' AND kind IN ('mail_open', 'mail_click', 'visit') GROUP BY ALL ORDER BY kind`);
  assert.deepEqual(rows.map((r) => `${r.kind} ${r.source} ${r.medium} ${r.known} ${r.mailed}`).sort(), [
    'mail_click newsletter email 0 1', 'mail_open newsletter email 0 1', 'visit newsletter email 1 0',
  ], 'a row joins a visitor and a recipient, or has lost its campaign');
  assert.doesNotMatch(page.url(), /@|anna/, 'the address tells who was written to');
  await page.browserContext().close();
});

test('without a consent there is no image, and links lead straight to their page', async () => {
  const mail = await send('bert', `bert-${run}`);
  assert.equal(mail.pixel, false);
  assert.match(mail.html, new RegExp(`href="${inbox.at}/oolong\\?`));
});

test('leaving by the mail’s own link counts for mail already sent', async () => {
  const campaign = `left-${run}`;
  await agree('cora');
  let mail;
  const page = await open(browser, shop);
  await eventually('the mail is read', async () => {
    mail = await send('cora', campaign);
    await page.goto(`${inbox.at}/cora`, { waitUntil: 'load' });
    await pause(700);
    return (await count(campaign, 'mail_open')) > 0;
  });
  await page.goto(mail.unsubscribe_url, { waitUntil: 'load' });
  assert.deepEqual(await cookieNames(page), [], 'unsubscribing needs no cookie');
  const refused = await ask('/api/v1/mail/instrument', { site: 'shop', campaign, recipient: `cora-${run}@reader.example`, html: '<p>Still here' });
  assert.equal(refused.status, 200, 'looking at the page has unsubscribed');
  await Promise.all([page.waitForNavigation(), page.click('form button')]);
  await eventually('the sender is told', async () =>
    (await ask('/api/v1/mail/instrument', { site: 'shop', campaign, recipient: `cora-${run}@reader.example`, html: '<p>Still here' })).status === 409);
  await pause(2000); // what was opened before is shipped
  const opened = await count(campaign, 'mail_open');
  await page.goto(`${inbox.at}/cora`, { waitUntil: 'load' });
  await page.evaluate(() => document.querySelector('#tea').click());
  await page.waitForFunction(() => location.pathname === '/oolong');
  await pause(2000);
  assert.deepEqual([await count(campaign, 'mail_open'), await count(campaign, 'mail_click')], [opened, 0]);
  await page.browserContext().close();
});
