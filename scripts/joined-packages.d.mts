/** What joined-packages.mjs has for the tests. */
export const JOINED: Readonly<Record<string, string>>;
export function joinedKey(): string;
export function joinPackages(folder: string): Promise<void>;
export function useJoined(dist: string): Promise<void>;
