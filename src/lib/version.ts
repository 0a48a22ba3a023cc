/** Version and commit, written in by the build; a run from the sources says so. */
declare const BALLAST_VERSION: string | undefined;
declare const BALLAST_COMMIT: string | undefined;

export const version: string = typeof BALLAST_VERSION === "string" ? BALLAST_VERSION : "0.0.0-source";
export const commit: string = typeof BALLAST_COMMIT === "string" ? BALLAST_COMMIT : "unknown";
