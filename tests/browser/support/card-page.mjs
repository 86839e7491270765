// A page of a few lines that speaks to cards: another reading of the frames' description than the
// wallet's, so that each checks the other.
import { createServer } from 'node:http';

/** What runs inside the page. */
function program(ids) {
  const FRAME_BYTES = 64;
  const [OPEN, MESSAGE, KEEPALIVE, ERROR] = [0x06, 0x05, 0x07, 0x3f];
  const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const isOurs = ({ vendorId, productId }) =>
    vendorId === ids.vendorId && productId === ids.productId;

  function framesOf(channel, tag, message) {
    const rest = [message.length >> 8, message.length & 255, ...message];
    const frames = [];
    for (let sequence = 0; rest.length > 0; sequence += 1) {
      const frame = new Uint8Array(FRAME_BYTES);
      frame.set([channel >> 8, channel & 255, tag, sequence >> 8, sequence & 255]);
      frame.set(rest.splice(0, FRAME_BYTES - 5), 5);
      frames.push(frame);
    }
    return frames;
  }

  /** A card's interface: `send` a frame, `next` frame. */
  class Port {
    #come = [];
    #waiting = [];
    /** All frames that ever came. */
    frames = [];

    got(data) {
      const frame = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      this.frames.push(frame);
      const waiting = this.#waiting.shift();
      if (waiting) waiting(frame);
      else this.#come.push(frame);
    }

    next() {
      if (this.#come.length > 0) return this.#come.shift();
      return new Promise((done) => { this.#waiting.push(done); });
    }

    static async hid() {
      const port = new Port();
      const [device] = (await navigator.hid.getDevices()).filter(isOurs);
      await device.open();
      device.addEventListener('inputreport', ({ data }) => port.got(data));
      port.send = (frame) => device.sendReport(0, frame);
      port.close = () => device.close();
      return port;
    }

    static async usb() {
      const port = new Port();
      const [device] = (await navigator.usb.getDevices()).filter(isOurs);
      await device.open();
      if (!device.configuration) await device.selectConfiguration(1);
      await device.claimInterface(1);
      const { endpoints } = device.configuration.interfaces[1].alternate;
      const [input, output] = ['in', 'out'].map((way) =>
        endpoints.find(({ direction }) => direction === way).endpointNumber);
      port.send = (frame) => device.transferOut(output, frame);
      port.close = () => device.close();
      (async () => {
        for (;;) port.got((await device.transferIn(input, FRAME_BYTES)).data);
      })().catch(() => {});
      return port;
    }
  }

  /** A channel. */
  class Channel {
    static async open(kind) {
      const channel = new Channel();
      channel.port = await Port[kind]();
      const nonce = crypto.getRandomValues(new Uint8Array(8));
      await channel.port.send(framesOf(0, OPEN, nonce)[0]);
      for (;;) {
        const frame = await channel.port.next();
        if (frame[0] === 0 && frame[1] === 0 && hex(frame.slice(7, 15)) === hex(nonce)) {
          channel.number = frame[15] << 8 | frame[16];
          return channel;
        }
      }
    }

    frames(message) {
      return framesOf(this.number, MESSAGE, message);
    }

    send(frame) {
      return this.port.send(frame);
    }

    /** What the card says next on this channel: `{answer}`, `{waiting}` or `{error}`. */
    async reply() {
      let [answer, length] = [[], 0];
      for (let sequence = 0; ;) {
        const frame = await this.port.next();
        if ((frame[0] << 8 | frame[1]) !== this.number) continue;
        if (frame[2] === KEEPALIVE) return { waiting: frame[7] };
        if (frame[2] === ERROR) return { error: frame[7] };
        if ((frame[3] << 8 | frame[4]) !== sequence) throw new Error('out of order');
        if (sequence === 0) length = frame[5] << 8 | frame[6];
        answer.push(...frame.slice(sequence === 0 ? 7 : 5));
        sequence += 1;
        if (answer.length >= length) return { answer: hex(answer.slice(0, length)) };
      }
    }

    async exchange(message) {
      for (const frame of this.frames(message)) await this.send(frame);
      return this.reply();
    }

    close() {
      return this.port.close();
    }
  }

  const news = [];
  for (const kind of ['hid', 'usb']) {
    for (const event of ['connect', 'disconnect']) {
      navigator[kind].addEventListener(event, () => news.push(`${kind} ${event}`));
    }
  }
  const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

  globalThis.cards = {
    news,
    Channel,
    bytes,
    async granted() {
      const [hid, usb] = await Promise.all([navigator.hid.getDevices(), navigator.usb.getDevices()]);
      return {
        hid: hid.map(({ productName, collections }) => ({
          productName,
          usagePages: collections.map(({ usagePage }) => usagePage),
          reports: collections.flatMap((it) => [...it.inputReports, ...it.outputReports]).length,
        })),
        usb: usb.map(({ productName, serialNumber }) => ({ productName, serialNumber })),
      };
    },
    /** One command over a channel of its own. */
    async ask(kind, command) {
      const channel = await Channel.open(kind);
      try {
        return await channel.exchange(bytes(command));
      } finally {
        await channel.close();
      }
    },
    /** Commands one after the other over HID, the holder's decisions waited for; their answers. */
    async tell(commands) {
      const channel = await Channel.open('hid');
      try {
        const answers = [];
        for (const command of commands) {
          let reply = await channel.exchange(bytes(command));
          while (reply.waiting !== undefined) reply = await channel.reply();
          answers.push(reply.answer);
        }
        return answers;
      } finally {
        await channel.close();
      }
    },
    /** Why WebUSB refuses an interface. */
    async claim(number) {
      const [device] = await navigator.usb.getDevices();
      await device.open();
      try {
        if (!device.configuration) await device.selectConfiguration(1);
        return await device.claimInterface(number).then(() => 'claimed', ({ name }) => name);
      } finally {
        await device.close();
      }
    },
    choose: {
      hid: () => navigator.hid.requestDevice({ filters: [{ usagePage: 0xffca }] }),
      usb: () => navigator.usb.requestDevice({ filters: [ids] }),
    },
  };
}

/** Serves the page on loopback; gives its origin, and the way to end it. */
export async function servePage({ vendorId, productId }) {
  const page = `<!doctype html><meta charset="utf-8"><title>cards</title>
<button id="hid">HID</button> <button id="usb">USB</button>
<script>(${program})(${JSON.stringify({ vendorId, productId })});
for (const kind of ['hid', 'usb']) {
  document.getElementById(kind).addEventListener('click', () => {
    cards.chosen = undefined;
    cards.choose[kind]().then((chosen) => { cards.chosen = [chosen].flat().length; });
  });
}</script>`;
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(page);
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  return {
    origin: `http://localhost:${server.address().port}`,
    close: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }),
  };
}
