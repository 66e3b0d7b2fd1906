/** All dashboards; `node deploy/dashboards/write.ts` writes them to deploy/grafana. */
import { FLEET } from './boards/fleet.ts';
import { FRESHNESS } from './boards/freshness.ts';
import { LOG } from './boards/log.ts';
import { SERVING } from './boards/serving.ts';
import { SKEW } from './boards/skew.ts';
import { STREAM } from './boards/stream.ts';
import type { Board } from './panel.ts';

export const BOARDS: readonly Board[] = [SERVING, FRESHNESS, LOG, SKEW, STREAM, FLEET];
