/** Paths of a host that no container may be given: who can write there owns the host, and much of it tells its secrets. */

const wholeTrees = ["/proc", "/sys", "/boot", "/var/lib/docker", "/var/lib/containerd", "/run/docker", "/run/containerd"];
const exactPaths = ["/", "/dev", "/etc", "/run", "/usr", "/bin", "/sbin", "/lib", "/root", "/home", "/var", "/var/lib"];

/** `path`: absolute, without `.` and `..`. */
export function givesPowerOverHost(path: string): boolean {
  const plain = path.replace(/(.)\/+$/, "$1").replace(/^\/var\/run(?=\/|$)/, "/run");
  return (
    exactPaths.includes(plain) ||
    wholeTrees.some((tree) => plain === tree || plain.startsWith(`${tree}/`)) ||
    /\/(docker|containerd|podman|crio)\.sock$/.test(plain)
  );
}
