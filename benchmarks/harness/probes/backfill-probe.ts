/** Loaded into a process that is measured: leaves what it used in the file that the URL names, when it ends. */
import { writeFileSync } from 'node:fs';

const file = decodeURIComponent(new URL(import.meta.url).search.slice(1));

/** Of a whole process, its threads included. */
export interface Used {
  readonly cpuSeconds: number;
  readonly peakMib: number;
}

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const used: Used = { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMib: maxRSS / 1_024 };
  writeFileSync(file, JSON.stringify(used));
});
