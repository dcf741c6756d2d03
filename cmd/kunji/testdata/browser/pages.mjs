// A website of the tests' own: pages on another port of 127.0.0.1, which the
// sites of sites.yaml cover, each as the test wrote it.
import http from 'node:http';
import { edge } from './browser.mjs';

/** The tag of a site, with what the test adds to its address and attributes. */
export const tag = (site, { query = '', attributes = 'async' } = {}) =>
  `<script src="${edge}/b/${site}.js${query}" ${attributes}></script>`;

/** A whole page. */
export const html = (body, { head = '', lang = 'en', dir = 'ltr' } = {}) =>
  `<!doctype html><html lang="${lang}" dir="${dir}"><head><meta charset="utf-8"><title>A page</title>` +
  `<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">${head}</head><body>${body}</body></html>`;

// website serves answers by path: a text, or { body, headers }. Paths may be
// added later; asked lists what was asked for.
export async function website(answers) {
  const asked = [];
  const server = http.createServer((request, response) => {
    const path = request.url.split('?')[0];
    asked.push(path);
    const answer = answers[path];
    if (answer === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { body = answer, headers = {} } = answer;
    const type = path.endsWith('.js') ? 'text/javascript' : path.endsWith('.css') ? 'text/css' : path.endsWith('.gif') ? 'image/gif' : 'text/html';
    response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8`, ...headers }).end(body);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    at: `http://127.0.0.1:${server.address().port}`,
    asked,
    answers,
    close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }),
  };
}
