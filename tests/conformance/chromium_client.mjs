// Headless Chromium on a page with parts.
//
// Started by `cargo xtask interop chromium` with the plain port, the TLS port, how many images the page has, a fresh
// profile folder and where to put a picture of the page. Prints `PASS name` or `FAIL name: why` for each check.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const [httpPort, httpsPort, images, profile, picture] = process.argv.slice(2);
const IMAGES = Number(images);

const context = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  headless: true,
  // The test authority is not in the browser's list; that a client trusts it is proven with curl.
  ignoreHTTPSErrors: true,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run',
    '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost',
  ],
});

// Visits the page and returns everything that happened.
async function visit(url, path = '/') {
  const page = await context.newPage();
  const seen = { answers: [], problems: [] };
  page.on('response', (answer) => seen.answers.push([new URL(answer.url()).pathname, answer.status()]));
  page.on('requestfailed', (request) => seen.problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on('pageerror', (error) => seen.problems.push(String(error)));
  const answer = await page.goto(url + path, { waitUntil: 'networkidle', timeout: 30_000 });
  return { page, answer, ...seen };
}

async function wholePage(url, protocol) {
  const { page, answers, problems } = await visit(url);
  assert.deepEqual(problems, []);
  assert.equal(answers.filter(([path, status]) => path.startsWith('/image-') && status === 200).length, IMAGES);
  const shown = await page.evaluate(() => ({
    colour: getComputedStyle(document.querySelector('h1')).color,
    fetched: document.getElementById('fetched').textContent,
    images: [...document.images].filter((image) => image.complete && image.naturalWidth > 0).length,
    frame: document.querySelector('iframe').contentDocument.title,
    protocols: [...new Set(performance.getEntriesByType('resource').map((entry) => entry.nextHopProtocol))],
  }));
  assert.equal(shown.colour, 'rgb(1, 2, 3)');
  assert.ok(shown.fetched.endsWith('part 5\n'), shown.fetched);
  assert.equal(shown.images, IMAGES);
  assert.equal(shown.frame, 'frame');
  assert.deepEqual(shown.protocols.filter((protocol) => protocol !== ''), [protocol]);
  return page;
}

const HTTP = `http://localhost:${httpPort}`;
const HTTPS = `https://localhost:${httpsPort}`;

const checks = {
  async 'page with parts'() {
    const page = await wholePage(HTTP, 'http/1.1');
    await page.screenshot({ path: picture });
  },

  async 'page with parts over tls'() {
    await wholePage(HTTPS, 'h2');
  },

  async 'seen again it is revalidated'() {
    const { page } = await visit(HTTP);
    const statuses = [];
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    // The browser tells its page 200; what came over the wire stands in the extra information.
    session.on('Network.responseReceivedExtraInfo', (event) => statuses.push(event.statusCode));
    await page.reload({ waitUntil: 'networkidle' });
    const unchanged = statuses.filter((status) => status === 304).length;
    assert.ok(unchanged >= IMAGES, `${unchanged} of ${statuses.length} answers were 304`);
  },

  async 'error page'() {
    const { page, answer } = await visit(HTTP, '/nowhere');
    assert.equal(answer.status(), 404);
    assert.equal(await page.title(), 'lost');
  },

  async 'download of a large body'() {
    const { page } = await visit(HTTP);
    const length = await page.evaluate(async () => (await (await fetch('/app/size/20000000')).arrayBuffer()).byteLength);
    assert.equal(length, 20_000_000);
  },

  async 'upload of a large body'() {
    const { page } = await visit(HTTPS);
    const length = await page.evaluate(async () => {
      const answer = await fetch('/app/seen', { method: 'POST', body: new Uint8Array(5_000_000) });
      return (await answer.json()).body;
    });
    assert.equal(length, 5_000_000);
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`PASS ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}: ${String(error.message).replaceAll('\n', ' ')}`);
  }
}
await context.close();
