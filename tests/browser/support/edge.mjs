// The edge as a machine that can lose its power.
import { readFileSync } from 'node:fs';

import { eventually, origins } from './world.mjs';

const processId = () => Number(readFileSync(process.env.KOBAN_EDGE_PID_FILE, 'utf8'));

/** Kills the edge; the runner starts it again on the same disk. Gives the way to wait for that. */
export function killEdge() {
  const before = processId();
  process.kill(before, 'SIGKILL');
  return async () => {
    await eventually('the edge runs again', () => processId() !== before, { within: 30_000 });
    await eventually('every party answers', async () => {
      const answers = Object.values(origins).map(async (origin) => (await fetch(origin)).status);
      return (await Promise.all(answers)).every((status) => status < 500);
    }, { within: 30_000 });
  };
}
