/**
 * The surfaces: over HTTP in the order of their routes, and over gRPC. A new one is a folder beside these and a line in
 * its list:
 *
 *   request/surface.ts          what it must do: read a request, write its answer, tell a fault in its own words
 *   plan/encoder-plan.ts        how it keeps what it has ready for a service or a view
 *   CachedRow.keep, findReady   how it keeps what it has made of a row
 *
 * Plans, rows, requests and the way of a request know none of them by name. Beside the folder a new surface takes a
 * name in SURFACES of contract/wire/log/served-record.ts, by which the log tells them apart, and its part of
 * docs/openapi.ts.
 */
import type { Surface, VectorCodec } from '../request/surface.ts';
import { FEAST_GRPC_PAGES, feastGrpcSurface } from './feast-grpc/feast-grpc.ts';
import { feastSurface } from './feast/feast.ts';
import { nativeSurface } from './native/native.ts';
import { OIP_GRPC_PAGES, oipGrpcSurface } from './oip-grpc/oip-grpc.ts';
import { oipSurface } from './oip/oip.ts';

export const ALL_SURFACES: readonly Surface[] = [nativeSurface, feastSurface, oipSurface];

/** Their routes are the paths of their methods. */
export const GRPC_SURFACES: readonly VectorCodec[] = [oipGrpcSurface, feastGrpcSurface];

/** What answers the other methods of gRPC, by their paths. @throws of each: the SRV_ codes of bad input */
export const GRPC_PAGES = { ...OIP_GRPC_PAGES, ...FEAST_GRPC_PAGES };

/** @returns the surface in whose words a fault at that path is told; null: any */
export function surfaceAt(path: string): Surface | null {
  return ALL_SURFACES.find((surface) => surface.owns(path)) ?? null;
}

/** Whether requests for vectors are posted to a path. */
export function takesVectors(path: string): boolean {
  return ALL_SURFACES.some((surface) => surface.takes(path));
}
