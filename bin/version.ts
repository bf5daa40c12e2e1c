// What this file is.

/** Put in by the build: the version of package.json, and the first digits of a hash of all programs. */
declare const fairleadBuild: { version: string; build: string }

/** Version, build, Node and machine, in one line. */
export const versionLine = `fairlead ${fairleadBuild.version} (build ${fairleadBuild.build}, Node ${process.versions.node}, ${process.platform}/${process.arch})`
