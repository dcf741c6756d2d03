// Who uses a keyboard, a screen reader, a small screen, another script or
// another theme gets the same banner (WCAG 2.2 AA), and the page's own style
// sheet changes nothing of it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFile, readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { act, browserName, cookieNames, launch, open, pause } from './browser.mjs';
import { html, tag, website } from './pages.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const languages = (await readdir(new URL('../../../../banner/i18n/', import.meta.url))).map((f) => f.replace('.json', '')).sort();
const text = '<main><h1>Tea</h1><p>A page with <a href="#more" id="link">a link</a>.</p><p id="more">More.</p></main>';

let browser;
let dark;
let site;
before(async () => {
  browser = await launch();
  site = await website({
    '/hostile': html(text + tag('wide'), {
      head: `<style>body, body *, kunji-banner, section, p, a, button, div { display: none !important; font: italic 99px/3 serif !important; color: red !important;
        background: lime !important; transform: rotate(9deg) !important; opacity: .1 !important; pointer-events: none !important; visibility: hidden !important; direction: rtl !important }
        :root { font-size: 40px; letter-spacing: 1em; text-transform: uppercase; writing-mode: horizontal-tb; word-spacing: 2em; line-height: 4 }</style>`,
    }),
    '/plain': html(text + tag('wide')),
  });
});
after(async () => {
  await browser?.close();
  await dark?.close();
  await site?.close();
});

/** Opens a page of a site in a language and a window of a size. */
async function visit(id, { lang = 'en', width = 1200, height = 800, head = '', in: where = browser } = {}) {
  const path = `/${id}-${lang}-${head.length}`;
  const dir = lang === 'ar' || lang === 'he' ? 'rtl' : 'ltr';
  site.answers[path] = html(text + tag(id, { query: `?lang=${lang}` }), { lang, dir, head });
  const page = await open(where, 'about:blank');
  await page.setViewport({ width, height });
  await page.goto(site.at + path, { waitUntil: 'load' });
  await page.waitForSelector('>>> [data-kunji-action="accept"]', { visible: true });
  return page;
}

const close = (page) => page.browserContext().close();

async function preferences(page) {
  await act(page, 'settings');
  await page.waitForSelector('>>> dialog.prefs[open]', { visible: true });
}

/** Rules that the page breaks, with the elements that break them. */
async function violations(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations: found, passes } = await self.axe.run(document, { runOnly: { type: 'tag', values: tags } });
    const ours = passes.some((p) => p.nodes.some((n) => n.target.flat().length > 1));
    return [...(ours ? [] : ['axe never looked into the banner']), ...found.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.flat().join(' ')).join(', ')}`)];
  });
}

async function clean(page) {
  assert.deepEqual(await violations(page), [], 'with the banner');
  await preferences(page);
  await page.evaluate(() => {
    for (const d of document.querySelector('kunji-banner').shadowRoot.querySelectorAll('details')) d.open = true;
  });
  assert.deepEqual(await violations(page), [], 'with the preferences and all their details');
  await close(page);
}

for (const [name, id, options] of [
  ['in English', 'wide', {}],
  ['in Chinese', 'wide', { lang: 'zh-CN' }],
  ['from right to left', 'wide', { lang: 'ar' }],
  ['320 pixels wide', 'wide', { width: 320, height: 480 }],
  ['from right to left, 320 pixels wide', 'wide', { lang: 'ar', width: 320, height: 480 }],
  ['as a box', 'mode', {}],
  ['modal, with the questions for age and leaving the region', 'cover', {}],
  ['modal, 320 pixels wide', 'cover', { width: 320, height: 640 }],
]) {
  test(`axe finds nothing: ${name}`, async () => clean(await visit(id, options)));
}

test('axe finds nothing in the dark, and nothing moves where motion is reduced', async () => {
  dark = await launch(['--force-prefers-reduced-motion', '--blink-settings=preferredColorScheme=0'], {
    prefs: { 'ui.systemUsesDarkTheme': 1, 'ui.prefersReducedMotion': 1, 'layout.css.prefers-color-scheme.content-override': 0 },
  });
  for (const id of ['wide', 'cover']) {
    const page = await visit(id, { in: dark });
    assert.ok(await page.evaluate(() => matchMedia('(prefers-color-scheme: dark) and (prefers-reduced-motion: reduce)').matches));
    await clean(page);
  }
  const page = await visit('wide', { in: dark });
  await preferences(page);
  const { still, animations } = await page.evaluate(() => {
    const root = document.querySelector('kunji-banner').shadowRoot;
    root.querySelector('[role="switch"]').click();
    const style = getComputedStyle(root.querySelector('[role="switch"]'), '::before');
    return { still: style.transitionDuration, animations: document.getAnimations().length };
  });
  assert.deepEqual({ still, animations }, { still: '0s', animations: 0 });
  await close(page);
});

/** What has the focus: a control of the banner by its action, else an element of the page. */
const focused = (page) => page.evaluate(() => {
  const e = document.activeElement;
  const inner = e?.shadowRoot?.activeElement;
  if (!inner) return e === document.body || !e ? '' : `page:${e.id || e.localName}`;
  return (inner.closest('dialog.prefs') ? 'dialog:' : '') + (inner.dataset.kunjiAction ?? inner.localName);
});

test('the keyboard reaches the banner first, the dialog keeps it, and Esc gives it back', async () => {
  const page = await visit('wide');
  assert.equal(await focused(page), '', 'something took the focus by itself');
  const order = [];
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press('Tab');
    order.push(await focused(page));
  }
  assert.deepEqual(order, ['a', 'a', 'accept', 'reject', 'settings', 'page:link']);
  await page.keyboard.down('Shift');
  await page.keyboard.press('Tab');
  await page.keyboard.up('Shift');
  assert.equal(await focused(page), 'settings');
  await page.keyboard.press('Enter');
  await page.waitForSelector('>>> dialog.prefs[open]', { visible: true });
  assert.equal(await focused(page), 'dialog:h2', 'the dialog begins at its title, at no button');
  const inside = new Set();
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press('Tab');
    inside.add(await focused(page));
  }
  inside.delete(''); // the browser's own controls
  for (const f of inside) assert.match(f, /^dialog:/, 'the focus left the open dialog');
  for (const want of ['dialog:close', 'dialog:input', 'dialog:accept', 'dialog:reject', 'dialog:save']) assert.ok(inside.has(want), `${want} cannot be reached`);
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => !document.querySelector('kunji-banner').shadowRoot.querySelector('dialog'));
  assert.equal(await focused(page), 'settings', 'the focus did not return');
  assert.deepEqual(await cookieNames(page), [], 'closing recorded something');
  assert.ok(await page.$('>>> [data-kunji-action="accept"]'), 'closing answered the question');
  await close(page);
});

test('a modal banner begins at no button, and Esc does not answer it', async () => {
  const page = await visit('cover');
  assert.doesNotMatch(await focused(page), /accept/);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await pause(200);
  assert.ok(await page.$('>>> [data-kunji-action="accept"]'), 'Esc took the question away');
  assert.deepEqual(await cookieNames(page), []);
  await close(page);
});

test('whatever has the focus is not under the banner', async () => {
  const page = await visit('wide');
  const covered = await page.evaluate(() => {
    const b = document.createElement('button');
    b.textContent = 'last';
    b.style.cssText = 'position:fixed;bottom:2px;left:50%';
    document.body.append(b);
    b.focus();
    const r = b.getBoundingClientRect();
    return document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2) !== b;
  });
  assert.equal(covered, false, 'the banner hides the focused button (WCAG 2.4.11)');
  await close(page);
});

test('on a small screen it takes a third at most, in every language, with every button whole', async () => {
  const page = await visit('wide', { width: 320, height: 480 });
  const faults = [];
  for (const lang of languages) {
    site.answers['/small'] = html(text + tag('wide', { query: `?lang=${lang}` }), { lang });
    await page.goto(`${site.at}/small`, { waitUntil: 'load' });
    await page.waitForSelector('>>> [data-kunji-action="accept"]', { visible: true });
    const found = await page.evaluate(() => {
      const layer = document.querySelector('kunji-banner').shadowRoot.querySelector('.layer');
      const { height, bottom } = layer.getBoundingClientRect();
      const cut = [...layer.querySelectorAll('button')].filter((b) => {
        const r = b.getBoundingClientRect();
        return r.bottom > bottom || r.width < 24 || r.height < 24 || b.scrollWidth > b.clientWidth || b.scrollHeight > b.clientHeight + 1;
      }).map((b) => b.dataset.kunjiAction);
      return { part: height / innerHeight, wide: document.documentElement.scrollWidth > innerWidth, cut, lang: layer.lang };
    });
    if (found.part > 0.35 || found.wide || found.cut.length) faults.push(found);
  }
  assert.deepEqual(faults, []);
  await close(page);
});

/** How accept and each other choice differ by computed style. */
const differences = (page) => page.evaluate(() => {
  const root = document.querySelector('kunji-banner').shadowRoot;
  const out = [];
  // A row is divided by fractions of a pixel.
  const whole = (value) => value.replace(/[\d.]+px/g, (n) => `${Math.round(parseFloat(n))}px`);
  for (const actions of root.querySelectorAll('.actions')) {
    const [first, ...others] = [...actions.querySelectorAll('button')].map((b) => [b.dataset.kunjiAction, getComputedStyle(b)]);
    if (first[0] !== 'accept' || others[0][0] !== 'reject') out.push('accept does not stand beside reject');
    for (const [name, style] of others)
      for (const property of style) if (whole(style.getPropertyValue(property)) !== whole(first[1].getPropertyValue(property)))
        out.push(`${name} ${property}: ${style.getPropertyValue(property)}, accept ${first[1].getPropertyValue(property)}`);
  }
  return out;
});

test('every choice looks the same, whatever the theme', async () => {
  const names = ['bg', 'text', 'border', 'button-bg', 'button-text', 'radius', 'font', 'accept-bg', 'accept', 'reject-bg', 'primary', 'size'];
  const theme = `:root{${names.flatMap((n, i) => [`--kunji-${n}:#${i}${i}${i}`, `--kunji-dark-${n}:#${i}${i}${i}`]).join(';')};--kunji-button-bg:rgb(1, 2, 3);--kunji-radius:9px;--kunji-font:serif}
    [data-kunji-action="accept"],kunji-banner::part(accept),kunji-banner button{background:lime!important;font-size:99px!important}`;
  for (const [id, width, head] of [['wide', 1200, ''], ['wide', 320, ''], ['mode', 1200, ''], ['cover', 1200, ''], ['wide', 1200, `<style>${theme}</style>`]]) {
    const page = await visit(id, { width, head });
    assert.deepEqual(await differences(page), [], `${id}, ${width}`);
    await preferences(page);
    assert.deepEqual(await differences(page), [], `${id}, ${width}, preferences`);
    if (head) {
      const [background, radius, family] = await page.evaluate(() => {
        const s = getComputedStyle(document.querySelector('kunji-banner').shadowRoot.querySelector('[data-kunji-action="reject"]'));
        return [s.backgroundColor, s.borderTopLeftRadius, s.fontFamily];
      });
      assert.deepEqual([background, radius, family], ['rgb(1, 2, 3)', '9px', 'serif'], 'the theme does not reach the buttons');
    }
    await close(page);
  }
});

test('the page’s style sheet does not leak in', async () => {
  const look = async (path) => {
    const page = await open(browser, site.at + path);
    await page.waitForSelector('>>> [data-kunji-action="accept"]', { visible: true });
    await preferences(page);
    const seen = await page.evaluate(() => {
      const skip = /^(-webkit-locale|-webkit-font-smoothing)$/;
      return [...document.querySelector('kunji-banner').shadowRoot.querySelectorAll('*')].map((e) => {
        const { x, y, width, height } = e.getBoundingClientRect();
        const style = getComputedStyle(e);
        return [`${e.localName}.${e.className} ${e.dataset.kunjiAction ?? ''}`, [x, y, width, height].map(Math.round).join(),
          // Sorted: browsers list custom properties in any order.
          [...style].filter((p) => !skip.test(p)).map((p) => `${p}:${style.getPropertyValue(p)}`).sort()];
      });
    });
    await close(page);
    return seen;
  };
  const [plain, hostile] = [await look('/plain'), await look('/hostile')];
  assert.equal(plain.length, hostile.length);
  const leaks = plain.flatMap(([name, box, style], i) => [
    ...(box === hostile[i][1] ? [] : [`${name} box ${box} → ${hostile[i][1]}`]),
    ...style.filter((p, j) => p !== hostile[i][2][j]).map((p) => `${name} ${p} → ${hostile[i][2][style.indexOf(p)]}`),
  ]);
  assert.deepEqual(leaks.slice(0, 20), []);
});

test('nothing moves: no layout shift by banner, dialog or answer', { skip: browserName === 'firefox' && 'Firefox does not measure layout shift' }, async () => {
  const page = await open(browser, 'about:blank');
  await page.evaluateOnNewDocument(() => {
    self.shift = 0;
    new PerformanceObserver((list) => { for (const e of list.getEntries()) self.shift += e.value; }).observe({ type: 'layout-shift', buffered: true });
  });
  for (const id of ['wide', 'mode']) {
    site.answers['/shift'] = html(text.repeat(9) + tag(id));
    await page.goto(`${site.at}/shift`, { waitUntil: 'load' });
    await preferences(page);
    await act(page, 'close');
    await act(page, 'reject');
    await page.waitForSelector('>>> .again', { visible: true });
    await pause(300);
    assert.equal(await page.evaluate(() => self.shift), 0, id);
  }
  await close(page);
});
