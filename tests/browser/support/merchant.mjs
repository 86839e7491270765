// A shop of the tests' own: an account at the payment server, and a small site on loopback.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { origins } from './world.mjs';

const INVOICE = 'application/vnd.koban.invoice+cbor';

async function call(method, path, token, body, headers = {}) {
  const answer = await fetch(`${origins.payment}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

export class Merchant {
  /** Opens a shop at the payment server, and a site that serves what `publish` is given. */
  static async open(name, take = 'refresh') {
    const merchant = new Merchant();
    merchant.pages = new Map();
    merchant.server = createServer((request, response) => merchant.#serve(request, response));
    await new Promise((ready) => { merchant.server.listen(0, '127.0.0.1', ready); });
    merchant.origin = `http://localhost:${merchant.server.address().port}`;
    const shop = { name, bank: 'bank-b', owner_name: name, take };
    const key = { 'idempotency-key': name };
    Object.assign(merchant, await call('POST', '/shops', 'demo', shop, key));
    return merchant;
  }

  /** An order with its signed invoice. */
  order(reference, minor, purpose, more = {}) {
    const amount = { currency: 'JPY', minor };
    const body = { reference, amount, purpose, ...more };
    return call('POST', `/shops/${this.shop}/orders`, this.token, body);
  }

  /** An order as it stands now. */
  ordered(id) {
    return call('GET', `/shops/${this.shop}/orders/${id}`, this.token);
  }

  /** The shop's money in yen. */
  async takings() {
    const { takings } = await call('GET', `/shops/${this.shop}`, this.token);
    return takings.find(({ currency }) => currency === 'JPY');
  }

  /** Serves a document; gives its address. */
  publish(path, body, type = INVOICE, status = 200) {
    this.pages.set(path, { body, type, status });
    return `${this.origin}${path}`;
  }

  #serve(request, response) {
    const page = this.pages.get(request.url);
    response.setHeader('access-control-allow-origin', '*');
    response.statusCode = page?.status ?? (request.url === '/favicon.ico' ? 204 : 404);
    response.setHeader('content-type', page?.type ?? 'text/plain');
    response.end(page?.body ?? 'not here');
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** The bytes of an order's invoice. */
export const document = (order) => Buffer.from(order.invoice, 'base64url');
