// Cookies over names, by TLS of a test authority: an edge on a host of the
// site's domain, on a path of the site itself, two sites on one domain, and a
// page of somebody else.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { act, browserName, eventually, launch, pause, sql } from './browser.mjs';

const port = process.env.KUNJI_TEST_NAMES;
const host = `https://t.shop.test:${port}`;
const path = `https://www.shop.test:${port}/kj`;

let browser;
before(async () => {
  browser = await launch(
    ['--host-resolver-rules=MAP *.test 127.0.0.1', `--ignore-certificate-errors-spki-list=${process.env.KUNJI_TEST_AUTHORITY}`],
    { prefs: { 'network.dns.localDomains': 'www.shop.test,t.shop.test,foreign.test' }, ...(browserName === 'firefox' && { acceptInsecureCerts: true }) },
  );
});
after(async () => { await browser?.close(); });

/** Opens a page of a host with the tag of a site at an endpoint. */
async function visit(context, page, endpoint, site, query = '') {
  const tab = await context.newPage();
  await tab.goto(`https://${page}:${port}/page?tag=${encodeURIComponent(`${endpoint}/b/${site}.js`)}${query}`, { waitUntil: 'load' });
  return tab;
}

/** Every cookie that the browser keeps: name, domain, path and what protects it. */
async function jar(context) {
  const all = await context.cookies();
  return all.map((c) => `${c.name} ${c.domain}${c.path}${c.httpOnly ? ' HttpOnly' : ''}${c.secure ? ' Secure' : ''} ${c.sameSite ?? ''}`).sort();
}

const cookies = (site, at) => [
  `kj_consent_${site} .shop.test/ Secure Lax`,
  ...['ses', 'src', 'vid'].map((n) => `kj_${n}_${site} ${at} HttpOnly Secure Lax`),
];

const becomes = (context, want) => eventually('the cookies are kept', async () => {
  const have = await jar(context);
  if (have.join('\n') !== want.join('\n')) throw new Error(JSON.stringify(have, null, 1));
  return true;
}, 15);

const views = async (source) => Number((await sql(`SELECT count() AS n FROM events WHERE source = '${source}' AND kind = 'page_view'`))[0].n);

for (const [name, endpoint, at] of [['a host of the domain', host, 't.shop.test/'], ['a path of the site', path, 'www.shop.test/kj']]) {
  test(`the edge on ${name}: cookies are first-party and land where they should`, async () => {
    const context = await browser.createBrowserContext();
    const source = `names-${Math.random().toString(36).replace(/[^a-z]/g, '').slice(0, 5)}`;
    const before = await views(source);
    const page = await visit(context, 'www.shop.test', endpoint, 'names', `&utm_source=${source}`);
    await act(page, 'accept');
    await becomes(context, cookies('names', at));
    await eventually('the view arrives', async () => (await views(source)) === 1);
    const [seen] = await page.evaluate(() => [document.cookie]);
    assert.match(seen, /^kj_consent_names=[^;]+$/, 'a page’s script sees more than the decision');
    const next = await visit(context, 'www.shop.test', endpoint, 'names');
    await pause(500);
    assert.equal(await next.$('>>> [data-kunji-action="accept"]'), null, 'asked again on the next page');
    await next.evaluate(() => self.kunji.withdraw());
    await becomes(context, cookies('names', at).slice(0, 1));
    await context.close();
  });
}

test('two sites on one domain do not overwrite each other', async () => {
  const context = await browser.createBrowserContext();
  const first = await visit(context, 'www.shop.test', host, 'names');
  await act(first, 'accept');
  await becomes(context, cookies('names', 't.shop.test/'));
  const second = await visit(context, 'www.shop.test', host, 'blog');
  await act(second, 'reject');
  await becomes(context, [cookies('blog', '')[0], ...cookies('names', 't.shop.test/')].sort());
  const third = await visit(context, 'www.shop.test', path, 'blog');
  await third.evaluate(() => self.kunji.withdraw());
  await pause(500);
  await becomes(context, [cookies('blog', '')[0], ...cookies('names', 't.shop.test/')].sort());
  const again = await visit(context, 'www.shop.test', host, 'names');
  assert.deepEqual(await again.evaluate(() => self.kunji.consent()), { preferences: 'granted', analytics: 'granted', marketing: 'granted' });
  await context.close();
});

test('a foreign page gets nothing: no cookie, no row, no answer, nothing of the visitor', async () => {
  const context = await browser.createBrowserContext();
  const own = await visit(context, 'www.shop.test', host, 'names');
  await act(own, 'accept');
  await becomes(context, cookies('names', 't.shop.test/'));
  const kept = await jar(context);

  const foreign = await visit(context, 'foreign.test', host, 'names');
  await act(foreign, 'accept');
  await foreign.waitForFunction(() => document.querySelector('kunji-banner').shadowRoot.querySelector('[role="alert"]').textContent);
  const got = await foreign.evaluate(async (edge) => {
    const ask = async (path, init) => {
      try {
        return (await fetch(edge + path, { credentials: 'include', ...init })).status;
      } catch {
        return 'unreadable';
      }
    };
    const event = JSON.stringify({ site: 'names', events: [{ kind: 'page_view', url: 'https://www.shop.test/stolen' }] });
    const image = new Image();
    image.src = `${edge}/p.gif?s=names&k=page_view&u=https%3A%2F%2Fwww.shop.test%2Fstolen`;
    await image.decode();
    navigator.sendBeacon(`${edge}/v1/events`, event);
    return {
      image: image.width, consent: await ask('/v1/consent?site=names'), me: await ask('/v1/me?site=names'), receipt: await ask('/v1/consent/receipt?site=names'),
      post: await ask('/v1/consent', { method: 'POST', body: JSON.stringify({ site: 'names', method: 'reject_all', surface: 'banner' }) }),
      events: await ask('/v1/events', { method: 'POST', body: event }), erase: await ask('/v1/me?site=names', { method: 'DELETE' }),
      cookie: document.cookie,
    };
  }, host);
  assert.deepEqual(got, { image: 1, consent: 'unreadable', me: 'unreadable', receipt: 'unreadable', post: 'unreadable', events: 'unreadable', erase: 'unreadable', cookie: '' });
  assert.deepEqual(await jar(context), kept, 'a foreign page set, changed or cleared cookies');
  // Events are shipped in their order: after this one the foreign page's would be there.
  const last = `last${Math.random().toString(36).replace(/[^a-z]/g, '').slice(0, 5)}`;
  await own.bringToFront();
  await own.evaluate((name) => self.kunji.track(name), last);
  await eventually('the own page’s event arrives', async () => Number((await sql(`SELECT count() AS n FROM events WHERE name = '${last}'`))[0].n) === 1);
  const rows = await sql(`SELECT path, kind FROM events WHERE site = 'names' AND (path = '/stolen' OR name = 'stolen')`);
  assert.deepEqual(rows, [], 'a foreign page made rows');
  await context.close();
});
