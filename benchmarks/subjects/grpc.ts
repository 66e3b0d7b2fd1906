/** Cached: one customer with 50 features over gRPC, beside the same over HTTP: as tensors, and in Feast's form. */
import { MessageWriter } from '../../contract/wire/proto/message-writer.ts';
import { feastRequest } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { NO_HURRY, freePort, sidecarContender } from '../harness/contender.ts';
import { BENCH_KEY, BENCH_SERVICE } from '../harness/project.ts';
import { print, printMeasured, ratios } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { alternate, sameCall } from '../harness/rounds.ts';
import { CACHED_CUSTOMER } from './cached-vector.ts';

export async function besideGrpc(context: BenchContext): Promise<Target[]> {
  const port = await freePort();
  const settings = [...NO_HURRY, 'log.maxBytes=16GiB', `serve.grpcPort=${port}`];
  const sidecar = sidecarContender('sidecar', context.project, { settings });
  const tensor = {
    path: `/v2/models/${BENCH_SERVICE}/infer`,
    body: JSON.stringify({
      inputs: [{ name: BENCH_KEY, datatype: 'INT64', shape: [1], data: [CACHED_CUSTOMER] }],
      parameters: { binary_data_output: true },
    }),
  };
  const infer = { path: '/inference.GRPCInferenceService/ModelInfer', body: inferMessage() };
  const features = { path: '/feast.serving.ServingService/GetOnlineFeatures', body: featuresMessage() };
  print(`\nCached: 1 row x 50 features over HTTP and gRPC, log on, ${context.connections} connections`);
  const measured = await alternate(
    [
      {
        contender: { ...sidecar, name: 'HTTP, binary tensor' },
        drive: context.drive({ ...tensor, ...context }),
      },
      {
        contender: { ...sidecar, name: 'gRPC, raw tensor' },
        drive: sameCall(port, { ...infer, ...context }),
      },
      {
        contender: { ...sidecar, name: "HTTP, Feast's JSON" },
        drive: context.drive({ ...feastRequest([CACHED_CUSTOMER]), ...context }),
      },
      {
        contender: { ...sidecar, name: "gRPC, Feast's message" },
        drive: sameCall(port, { ...features, ...context }),
      },
    ],
    context.rounds,
  );
  for (const one of measured) printMeasured(one);
  for (const [http, grpc] of [measured.slice(0, 2), measured.slice(2)] as const) {
    const { rate, cpu } = ratios(grpc!, http!);
    print(
      `  ${grpc!.contender.name} of ${http!.contender.name}: rate ${rate.toFixed(3)}, by CPU ${cpu?.toFixed(3)}`,
    );
  }
  // Reported, without a bar.
  return [];
}

const writer = new MessageWriter();

function inferMessage(): string {
  writer.begin();
  writer.text(1, BENCH_SERVICE);
  const input = writer.open(5);
  writer.text(1, BENCH_KEY);
  writer.text(2, 'INT64');
  writer.ints(3, [1]);
  writer.close(input);
  writer.bytes(7, Buffer.from(BigInt64Array.of(BigInt(CACHED_CUSTOMER)).buffer));
  return writer.end().toString('hex');
}

function featuresMessage(): string {
  writer.begin();
  writer.text(1, BENCH_SERVICE);
  const entity = writer.open(3);
  writer.text(1, BENCH_KEY);
  const values = writer.open(2);
  const value = writer.open(1);
  writer.int(4, CACHED_CUSTOMER);
  for (const opened of [value, values, entity]) writer.close(opened);
  writer.bool(4, true);
  return writer.end().toString('hex');
}
