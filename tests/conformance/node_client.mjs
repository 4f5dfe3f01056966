// Node's fetch, and undici with pipelining, early hints and trailers.
//
// Started by `cargo xtask interop node` with the plain port and the TLS port. Prints `PASS name` or
// `FAIL name: why` for each check.

import assert from 'node:assert/strict';
import http from 'node:http';
import { Client } from 'undici';

const [httpPort, httpsPort] = process.argv.slice(2);
const HTTP = `http://localhost:${httpPort}`;
const HTTPS = `https://localhost:${httpsPort}`;

const checks = {
  async 'fetch'() {
    const answer = await fetch(`${HTTP}/hello.txt`);
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), 'hello\n');
  },

  async 'fetch over tls'() {
    const answer = await fetch(`${HTTPS}/hello.txt`);
    assert.equal(await answer.text(), 'hello\n');
  },

  async 'compressed answer is decoded'() {
    for (const coding of ['gzip', 'br']) {
      const answer = await fetch(`${HTTP}/style.css`, { headers: { 'accept-encoding': coding } });
      assert.equal(answer.headers.get('content-encoding'), coding);
      assert.ok((await answer.text()).startsWith('body { color: black }'));
    }
  },

  async 'redirect keeps method and body'() {
    const answer = await fetch(`${HTTP}/old/app/echo`, { method: 'POST', body: 'kept' });
    assert.ok(answer.redirected);
    assert.equal(await answer.text(), 'kept');
  },

  async 'two hundred at once'() {
    const sizes = Array.from({ length: 200 }, (_, n) => 1 + n * 97);
    const answers = await Promise.all(
      sizes.map(async (size) => (await (await fetch(`${HTTPS}/app/size/${size}`)).arrayBuffer()).byteLength),
    );
    assert.deepEqual(answers, sizes);
  },

  async 'answer arrives as it is made'() {
    const answer = await fetch(`${HTTP}/app/chunked`);
    let pieces = 0;
    let text = '';
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      pieces += 1;
      text += piece;
    }
    assert.ok(text.endsWith('part 5\n'), text);
    assert.ok(pieces > 1, 'the chunks arrived all at once');
  },

  async 'upload of a stream'() {
    const body = new ReadableStream({
      async start(controller) {
        for (let n = 0; n < 20; n += 1) {
          controller.enqueue(new TextEncoder().encode(`piece ${n}\n`));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        controller.close();
      },
    });
    const answer = await fetch(`${HTTP}/app/echo`, { method: 'POST', body, duplex: 'half' });
    assert.ok((await answer.text()).endsWith('piece 19\n'));
  },

  async 'form with a file'() {
    const form = new FormData();
    form.set('name', 'ali');
    form.set('file', new Blob(['x'.repeat(100_000)]), 'file.txt');
    const seen = await (await fetch(`${HTTP}/app/seen`, { method: 'POST', body: form })).json();
    assert.ok(seen.body > 100_000, `${seen.body} bytes arrived`);
  },

  async 'store, read, delete'() {
    const url = `${HTTP}/store/from-node.txt`;
    assert.equal((await fetch(url, { method: 'PUT', body: 'one' })).status, 201);
    const read = await fetch(url);
    assert.equal(await read.text(), 'one');
    const guarded = { method: 'PUT', body: 'two', headers: { 'if-match': read.headers.get('etag') } };
    assert.equal((await fetch(url, guarded)).status, 204);
    assert.equal((await fetch(url, guarded)).status, 412);
    assert.equal((await fetch(url, { method: 'DELETE' })).status, 204);
  },

  async 'an abandoned answer harms nobody'() {
    const abandoned = new AbortController();
    const answer = await fetch(`${HTTP}/app/size/50000000`, { signal: abandoned.signal });
    await answer.body.getReader().read();
    abandoned.abort();
    assert.equal(await (await fetch(`${HTTP}/hello.txt`)).text(), 'hello\n');
  },

  async 'pipelined requests are answered in order'() {
    const client = new Client(HTTP, { pipelining: 20 });
    const sizes = Array.from({ length: 100 }, (_, n) => 1 + ((n * 7919) % 5000));
    const answers = await Promise.all(
      sizes.map(async (size, n) => {
        const path = n % 2 ? `/app/size/${size}` : '/hello.txt';
        const { statusCode, body } = await client.request({ method: 'GET', path });
        assert.equal(statusCode, 200);
        return (await body.arrayBuffer()).byteLength;
      }),
    );
    await client.close();
    assert.deepEqual(answers, sizes.map((size, n) => (n % 2 ? size : 6)));
  },

  async 'early hints'() {
    const client = new Client(HTTP);
    const interim = [];
    const { statusCode, body } = await client.request({
      method: 'GET',
      path: '/app/hints',
      onInfo: (information) => interim.push(information.statusCode),
    });
    await body.text();
    await client.close();
    assert.deepEqual([statusCode, interim], [200, [103]]);
  },

  async 'trailers'() {
    const client = new Client(HTTP);
    const { body, trailers } = await client.request({ method: 'GET', path: '/app/trailers', headers: { te: 'trailers' } });
    await body.text();
    await client.close();
    assert.equal(trailers['x-checksum'], '5d41402a');
  },

  async 'expect 100-continue'() {
    const answer = await new Promise((resolve, reject) => {
      const options = { method: 'POST', headers: { expect: '100-continue', 'content-length': 5 } };
      const request = http.request(`${HTTP}/app/echo`, options, resolve);
      request.on('error', reject);
      request.on('continue', () => request.end('asked'));
      request.flushHeaders();
    });
    let text = '';
    for await (const piece of answer) text += piece;
    assert.equal(text, 'asked');
  },
};

for (const [name, check] of Object.entries(checks)) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('not done after 15 s')), 15_000);
  });
  try {
    await Promise.race([check(), late]);
    console.log(`PASS ${name}`);
  } catch (error) {
    const cause = error.cause ? ` (${error.cause.message ?? error.cause})` : '';
    console.log(`FAIL ${name}: ${`${error.message}${cause}`.replaceAll('\n', ' ')}`);
  } finally {
    clearTimeout(timer);
  }
}
process.exit(0);
