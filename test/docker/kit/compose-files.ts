/** Service files that together use every key of a container that Gantry honours and the lab's Compose and engine know. */

type Facts = { readonly repository: string; readonly folder: string };

const wait = 'entrypoint: ["/bin/busybox", "sleep"]\n    command: ["600"]';

const gantry = ["x-gantry:", "  environments: { prod: { hosts: { env: prod } } }"];

function file(name: string, lines: readonly string[], top: readonly string[] = []): (facts: Facts) => string {
  return ({ repository, folder }) =>
    [
      `name: ${name}`,
      "services:",
      `  ${name}:`,
      `    image: ${repository}`,
      ...lines.map((line) => `    ${line}`),
      ...top,
      ...gantry,
    ]
      .join("\n")
      .replaceAll("FOLDER", folder)
      .concat("\n");
}

/** Name of the service to its file. `FOLDER` is the folder of the file, and the agent's env folder. */
export const composeFiles: Readonly<Record<string, (facts: Facts) => string>> = {
  plain: file("plain", ["network_mode: host"]),
  process: file("process", [
    wait,
    "network_mode: host",
    "working_dir: /bin",
    "user: '1000:1000'",
    "group_add: ['2000', '3000']",
    "hostname: api-1",
    "domainname: example.com",
    "init: true",
    "stdin_open: true",
    "tty: true",
    "stop_signal: SIGINT",
    "stop_grace_period: 1m30s",
    "cap_drop: [ALL]",
    "cap_add: [NET_BIND_SERVICE, IPC_LOCK]",
    "security_opt: ['no-new-privileges:true']",
    "ipc: private",
    "runtime: runc",
    "restart: unless-stopped",
    "labels: { team: core, tier: '1' }",
    "environment: { A: plain, B: 'two words', EMPTY: '', MONEY: $$5 }",
    "env_file: [api.env]",
    "oom_score_adj: 300",
  ]),
  words: file("words", [
    'entrypoint: /bin/busybox sh -c \'exec "$$0" "$$@"\'',
    "command: /bin/busybox sleep '600'",
    "network_mode: none",
    "environment: [A=1, B=x=y]",
    "labels: [team=core]",
    "logging: { driver: json-file, options: { max-size: 1m, max-file: '3' } }",
    "restart: unless-stopped",
    "healthcheck: { test: [CMD, /bin/busybox, 'true'], interval: 5s, timeout: 2s, retries: 4, start_period: 10s }",
  ]),
  resources: file("resources", [
    wait,
    "network_mode: host",
    "mem_limit: 64m",
    "mem_reservation: 32m",
    "memswap_limit: 128m",
    "mem_swappiness: 10",
    "cpus: 0.5",
    "cpu_shares: 512",
    "cpuset: '0'",
    "pids_limit: 50",
    "ulimits: { nofile: { soft: 1024, hard: 2048 }, nproc: 512 }",
    "healthcheck: { test: /bin/busybox true }",
    "blkio_config:",
    "  weight: 300",
    "logging: { options: { max-size: 2m } }",
  ]),
  storage: file("storage", [
    wait,
    "network_mode: host",
    "cpu_quota: 50000",
    "cpu_period: 25ms",
    "healthcheck: { disable: true }",
    "read_only: true",
    "shm_size: 16m",
    "tmpfs: ['/run:size=8m', /scratch]",
    "volumes:",
    "  - FOLDER/data:/data",
    "  - FOLDER/made:/made:ro",
    "  - FOLDER/data:/private:private",
    "  - { type: bind, source: FOLDER/data, target: /long, read_only: true, bind: { propagation: rprivate } }",
    "  - { type: tmpfs, target: /memory, tmpfs: { size: 4194304 } }",
  ]),
  network: file("network", [
    wait,
    "network_mode: bridge",
    "ports: ['18080:80', '127.0.0.1:18443:443/udp', '9000', '18100-18101:100-101']",
    "expose: ['7000', '7001']",
    "dns: [10.0.0.2, 10.0.0.3]",
    "dns_search: example.com",
    "dns_opt: ['ndots:2']",
    "extra_hosts: ['db:10.0.0.9', 'cache:10.0.0.10']",
    "sysctls: { net.core.somaxconn: 1024, net.ipv4.tcp_syncookies: 0 }",
  ]),
  volumes: file(
    "volumes",
    [
      wait,
      "network_mode: none",
      "volumes:",
      "  - data:/data",
      "  - kept:/kept:ro",
      "  - { type: volume, source: named, target: /named, volume: { nocopy: true } }",
    ],
    ["volumes:", "  data:", "  kept: { labels: { team: core } }", "  named: { name: the-very-one, driver: local }"],
  ),
};

/** What the keys above do not cover, and why it cannot be covered here. */
export const notCompared: Readonly<Record<string, string>> = {
  attach: "newer than Compose 1.29, and has no effect on a container",
  cgroup: "newer than Compose 1.29",
  annotations: "newer than Compose 1.29 and than the engine of the lab",
  deploy: "Compose 1.29 leaves it to a swarm; its limits are those of the short keys, which are compared",
  storage_opt: "the engine of the lab refuses it, as most do",
  depends_on: "about several containers",
  extends: "about the file: what it brings is compared key by key",
  secrets: "files of the agent's, made for one container; what is in them is compared in test/host/real-secrets.test.ts",
  profiles: "about the file: which containers there are",
};
