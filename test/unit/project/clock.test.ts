import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stepText, systemClock } from '../../../project/clock.ts';
import type { TimeSource } from '../../../project/clock.ts';

test('the system clock tells microseconds of now, and a run is over when its work is', async () => {
  const clock = systemClock();
  const [beforeMs, nowUs, afterMs] = [Date.now(), clock.nowUs(), Date.now()];
  // Date.now cuts a millisecond, and its steps are not those of the clock below.
  expect(nowUs).toBeGreaterThan((beforeMs - 50) * 1_000);
  expect(nowUs).toBeLessThan((afterMs + 50) * 1_000);
  expect(Number.isSafeInteger(clock.nowUs())).toBe(true);
  expect(clock).toMatchObject({ sourcesRunAhead: false, notice: null });
  await clock.runLasted(clock.nowUs());
});

describe('the wall clock is followed', () => {
  /** A machine whose wall clock can be stepped. */
  class Machine implements TimeSource {
    passedUs = 0;
    sleptUs = 0;
    wallUs = 1_700_000_000_000_000;
    /** What passes before the wall clock is read. */
    stallUs = 0;
    #after: (() => void)[] = [];
    readonly steps: number[] = [];
    readonly clock = systemClock((stepUs) => this.steps.push(stepUs), this);

    wallMs(): number {
      this.pass(this.stallUs);
      return Math.floor(this.wallUs / 1_000);
    }

    monotonicMs(): number {
      return this.passedUs / 1_000;
    }

    /** Linux tells it in hundredths of a second. */
    sinceBootMs(): number {
      return Math.floor((this.passedUs + this.sleptUs) / 10_000) * 10;
    }

    afterTurn(callback: () => void): void {
      this.#after.push(callback);
    }

    pass(us: number): void {
      this.passedUs += us;
      this.wallUs += us;
    }

    sleep(us: number): void {
      this.sleptUs += us;
      this.wallUs += us;
    }

    endTurn(): void {
      for (const callback of this.#after.splice(0)) callback();
    }
  }

  test('forward and back, within a second, and both steps are told', () => {
    const machine = new Machine();
    const { clock } = machine;
    machine.pass(2_500_300);
    expect(clock.nowUs()).toBe(machine.wallUs);
    machine.wallUs += 3_600_000_000;
    machine.pass(1_000_000);
    expect(Math.abs(clock.nowUs() - machine.wallUs)).toBeLessThan(2_000);
    expect(Math.round(clock.offsetUs() / 1e6)).toBe(3_600);
    machine.wallUs -= 3_600_000_000;
    machine.pass(1_000_000);
    clock.nowUs();
    machine.endTurn();
    expect(Math.abs(clock.nowUs() - machine.wallUs)).toBeLessThan(2_000);
    expect(machine.steps.map((us) => Math.round(us / 1e6))).toEqual([3_600, -3_600]);
    expect(Math.abs(clock.offsetUs())).toBeLessThan(2_000);
  });

  test('time that the machine slept is followed, and is no step', () => {
    const machine = new Machine();
    const { clock } = machine;
    machine.pass(2_500_300);
    clock.nowUs();
    machine.sleep(7_200_000_000);
    machine.pass(1_000_000);
    expect(Math.abs(clock.nowUs() - machine.wallUs)).toBeLessThan(2_000);
    expect(machine.steps).toEqual([]);
    expect(Math.abs(clock.offsetUs())).toBeLessThan(20_000);
    // A step in its sleep is told, and one after it counts whole.
    machine.sleep(3_600_000_000);
    machine.wallUs -= 60_000_000;
    machine.pass(1_000_000);
    clock.nowUs();
    machine.wallUs += 5_000_000;
    machine.pass(1_000_000);
    clock.nowUs();
    expect(machine.steps.map((us) => Math.round(us / 1e6))).toEqual([-60, 5]);
    expect(Math.abs(clock.offsetUs() + 55_000_000)).toBeLessThan(30_000);
  });

  test('within a turn of the event loop it never goes back', () => {
    const machine = new Machine();
    machine.pass(5_000_000);
    const before = machine.clock.nowUs();
    machine.wallUs -= 3_600_000_000;
    machine.pass(1_000_000);
    expect(machine.clock.nowUs()).toBeGreaterThanOrEqual(before);
    machine.pass(400_000);
    expect(machine.clock.nowUs()).toBeGreaterThanOrEqual(before);
    machine.endTurn();
    expect(machine.clock.nowUs()).toBeLessThan(before);
  });

  test('a little back is waited for, and what NTP does all day is told to nobody', () => {
    const machine = new Machine();
    machine.pass(5_000_000);
    let before = machine.clock.nowUs();
    machine.wallUs -= 50_000;
    for (let i = 0; i < 40; i++) {
      machine.pass(100_000);
      machine.endTurn();
      const now = machine.clock.nowUs();
      expect(now).toBeGreaterThanOrEqual(before);
      before = now;
    }
    expect(Math.abs(before - machine.wallUs)).toBeLessThan(2_000);
    expect(machine.steps).toEqual([]);
  });

  test('whatever the wall clock does, a second later it is followed, and no turn sees time go back', () => {
    const step = fc.record({ stepUs: fc.integer({ min: -1e10, max: 1e10 }), passUs: fc.nat(3_000_000) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const machine = new Machine();
        machine.wallUs += 1e12;
        for (const { stepUs, passUs } of steps) {
          machine.wallUs += stepUs;
          let last = 0;
          for (const us of [passUs, 500_000, 700_000, 300_000]) {
            machine.pass(us);
            const now = machine.clock.nowUs();
            expect(now).toBeGreaterThanOrEqual(last);
            last = now;
          }
          machine.endTurn();
          // What went back by less than a second waits for that long.
          machine.pass(1_100_000);
          machine.clock.nowUs();
          machine.endTurn();
          expect(Math.abs(machine.clock.nowUs() - machine.wallUs)).toBeLessThan(1_000_000);
        }
      }),
    );
  });

  test('a thread that is held up between reading the two clocks sees no step', () => {
    const machine = new Machine();
    machine.pass(5_000_000);
    machine.clock.nowUs();
    machine.stallUs = 300_000;
    machine.pass(2_000_000);
    machine.clock.nowUs();
    machine.stallUs = 0;
    machine.clock.nowUs();
    expect(machine.steps).toEqual([]);
    expect(Math.abs(machine.clock.offsetUs())).toBeLessThan(2_000);
  });

  test('a step is told in a sentence', () => {
    expect(stepText(3_600_000_400)).toBe('the wall clock went forward by 1h: recorded times follow it');
    expect(stepText(-1_500_000)).toBe('the wall clock went back by 1s500ms: recorded times follow it');
  });
});
