/** Copies what programs read at run time to where a build has the files that read it. */
export function copyRunTimeFiles(dist: string): void;
