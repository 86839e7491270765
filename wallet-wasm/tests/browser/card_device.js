// Devices as `navigator.hid` and `navigator.usb` show them, with a card of the tests behind them.
// They do as Chromium 156 was seen to do.

const gone = (name) => { throw new DOMException('', name); };

class Port extends EventTarget {
  devices = [];
  getDevices = async () => [...this.devices];
}

const hid = new Port();
const usb = new Port();
hid.requestDevice = async ({ filters: [{ usagePage, usage }] }) =>
  hid.devices.filter((it) => it.usagePage === usagePage && it.usage === usage).slice(0, 1);
usb.requestDevice = async ({ filters: [{ classCode, subclassCode, protocolCode }] }) => {
  const wanted = `${[classCode, subclassCode, protocolCode]}`;
  return usb.devices.find((it) => `${it.interfaceClass}` === wanted) ?? gone('NotFoundError');
};

// Shows the tests' devices in place of the browser's: none yet.
export function install() {
  hid.devices = [];
  usb.devices = [];
  Object.defineProperty(navigator, 'hid', { value: hid, configurable: true });
  Object.defineProperty(navigator, 'usb', { value: usb, configurable: true });
}

class Device {
  vendorId = 0x1209;
  productId = 0xca5d;
  productName = 'A card';
  opened = false;
  async open() {
    if (!this.isThere) gone('NotFoundError');
    if (this.opened) gone('InvalidStateError');
    this.opened = true;
  }
  get isThere() { return this.port.devices.includes(this); }
  must() { if (!this.opened) gone('InvalidStateError'); }
}

class HidDevice extends Device {
  port = hid;
  usagePage = 0xffca;
  usage = 1;
  oninputreport = null;
  async close() { this.opened = false; }
  pulled() {}
  async sendReport(id, data) {
    this.must();
    if (id !== 0 || data.length !== 64) gone('NotAllowedError');
    // pulled out, the device stays open, and this never ends
    if (!this.isThere) await new Promise(() => {});
    this.receive(data);
  }
  say(frame) {
    // in a larger buffer, as Chromium may have it
    const buffer = new Uint8Array([1, 2, ...frame, 3]).buffer;
    if (this.opened && this.isThere) this.oninputreport?.({ data: new DataView(buffer, 2, 64) });
  }
}

class UsbDevice extends Device {
  port = usb;
  interfaceClass = [0xff, 0x43, 0x01];
  serialNumber = 'A1';
  configuration = null;
  said = [];
  waiting = [];
  claimed = false;
  async close() {
    this.opened = false;
    // not released before, it stays claimed for a while
    if (this.claimed) setTimeout(() => { this.claimed = false; }, 150);
    this.said = [];
    this.pulled();
  }
  pulled() {
    for (const { reject } of this.waiting.splice(0)) reject(new DOMException('', 'AbortError'));
  }
  async selectConfiguration(configurationValue) {
    this.must();
    this.configuration = { configurationValue };
  }
  async claimInterface(number) {
    this.must();
    if (this.configuration === null || number !== 1) gone('NotFoundError');
    if (this.claimed) gone('NetworkError');
    this.claimed = true;
  }
  async releaseInterface(number) {
    this.must();
    if (number !== 1) gone('NotFoundError');
    this.claimed = false;
  }
  async transferOut(endpoint, data) {
    this.must();
    if (!this.claimed || endpoint !== 2) gone('NotFoundError');
    this.receive(data);
  }
  transferIn(endpoint, length) {
    this.must();
    if (!this.claimed || endpoint !== 2 || length !== 64) gone('NotFoundError');
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.move();
    });
  }
  say(frame) { if (this.opened && this.isThere) { this.said.push(frame.slice()); this.move(); } }
  move() {
    while (this.said.length > 0 && this.waiting.length > 0) {
      const data = new DataView(this.said.shift().buffer);
      this.waiting.shift().resolve({ status: 'ok', data });
    }
  }
}

// Plugs a device in; `receive` gets the frames a page sends.
export function plug(way, receive) {
  const device = way === 'hid' ? new HidDevice() : new UsbDevice();
  device.receive = receive;
  device.port.devices.push(device);
  device.port.dispatchEvent(new Event('connect'));
  return device;
}

export const say = (device, frame) => device.say(frame);

export function pull(device) {
  device.port.devices = device.port.devices.filter((it) => it !== device);
  device.pulled();
  device.port.dispatchEvent(new Event('disconnect'));
}
