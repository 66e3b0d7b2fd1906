/**
 * The compressions that kafkajs leaves to its users. zstd is Node's own; LZ4 frames come from the WebAssembly that
 * the other client brings along, so that both write, and the tests' reader reads, the same format.
 */
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { compressionsAlgorithms } from '@platformatic/kafka';

interface Encoder {
  readonly buffer: Buffer;
}

const compressZstd = promisify(zstdCompress);
const decompressZstd = promisify(zstdDecompress);

/** Adds both to the library's table of codecs; a second call is no error. */
export function registerCodecs(
  types: { readonly LZ4: number; readonly ZSTD: number },
  codecs: Record<number, unknown>,
): void {
  codecs[types.LZ4] = () => ({
    compress: async ({ buffer }: Encoder) => compressionsAlgorithms.lz4.compressSync(buffer),
    decompress: async (bytes: Buffer) => compressionsAlgorithms.lz4.decompressSync(bytes),
  });
  codecs[types.ZSTD] = () => ({
    compress: ({ buffer }: Encoder) => compressZstd(buffer),
    decompress: (bytes: Buffer) => decompressZstd(bytes),
  });
}
