// Stands in the agent's bundle for packages that dockerode loads and the agent never uses: Docker over ssh, and builds.
// They cost 20 MB of memory and 20 ms at every start.

export {}
