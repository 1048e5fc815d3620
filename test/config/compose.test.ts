import assert from "node:assert/strict";
import { test } from "node:test";
import { goodService, saysOfService, withCompose } from "./files.ts";
import { type Case, tell } from "./tell.ts";

test("images", (t) =>
  tell(
    t,
    (
      [
        [
          "registry.example.com/api:v3",
          '"registry.example.com/api:v3" has a tag; write registry.example.com/api: Gantry adds the digest of the commit',
        ],
        [
          "registry.example.com/api@sha256:00",
          '"registry.example.com/api@sha256:00" has a digest; write registry.example.com/api: Gantry adds the digest of the commit',
        ],
        ["https://registry.example.com/api", '"https://registry.example.com/api" has a scheme; write registry.example.com/api'],
        ["registry.example.com/Api", '"Api" is not a repository name; use lower-case letters, digits, and . _ - / between them'],
        ["acme/api", '"acme/api" does not say which registry; write it with its host, such as docker.io/acme/api'],
        [
          "registry.exmaple.com/api",
          'the registry "registry.exmaple.com" is not one of gantry.yml; did you mean "registry.example.com"?',
        ],
        [
          "registry.example.com.evil.com/api",
          'the registry "registry.example.com.evil.com" is not one of gantry.yml; use one of registry.example.com, localhost:5000, or add it to gantry.yml',
        ],
        [
          "registry.example.com/../api",
          '"../api" is not a repository name; use lower-case letters, digits, and . _ - / between them',
        ],
        ["localhost:5000/x"],
        ["localhost:5000/team/sub_team/x.y-z"],
      ] as const
    ).map(([image, said]): Case => {
      return [image, goodService.replace("registry.example.com/api", image), ...(said === undefined ? [] : [`4:12 ${said}`])];
    }),
  ));

test("keys of the compose service", (t) =>
  tell(
    t,
    (
      [
        ["imgae: x", '5 unknown key "imgae"; did you mean "image"?'],
        ["privileged: true", "5 privileged: it gives the container power over the host; remove it"],
        ["pid: host", "5 pid: it gives the container power over the host; remove it"],
        [
          "cap_add: [ALL]",
          "15 ALL: it gives the container power over the host; remove it; these may be added: AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, NET_RAW, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT, IPC_LOCK, SYS_NICE",
        ],
        [
          "cap_add: [CAP_SYS_ADMIN]",
          "15 SYS_ADMIN: it gives the container power over the host; remove it; these may be added: AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, NET_RAW, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT, IPC_LOCK, SYS_NICE",
        ],
        ["cap_drop: [NET_RAWW]", '16 "NET_RAWW" is not a capability; write a name of capabilities(7), such as NET_BIND_SERVICE'],
        [
          "security_opt: [seccomp=unconfined]",
          '20 "seccomp=unconfined": it gives the container power over the host; remove it; no-new-privileges:true is possible',
        ],
        ["ipc: host", "10 host: it gives the container power over the host; remove it"],
        ["ipc: service:db", "10 another container's; remove it: a swap puts another container in its place"],
        ["cgroup: host", "13 host: it gives the container power over the host; remove it"],
        ["oom_score_adj: -500", "20 -500 is out of bounds; write a whole number from 0 to 1000"],
        [
          "annotations: { org.systemd.property.DeviceAllow: 'block-* rwm' }",
          '20 "org.systemd.property.DeviceAllow": it gives the container power over the host; remove it',
        ],
        ["devices: [/dev/kvm]", "5 devices: it gives the container power over the host; remove it"],
        [
          "links: [db]",
          "5 links: a link is to one container, and a swap puts another container in its place; use ports of the host, or extra_hosts",
        ],
        ["build: .", "5 build: Gantry does not build images; remove it, and let CI push <image>:<git commit>"],
        [
          'ports: ["22:22"]',
          "12 ports: nothing is published from the host's network; remove it: with network_mode host (the default) the container listens on the host itself; or write network_mode: bridge",
        ],
        [
          "restart: always",
          "14 restart: always would bring back what somebody stopped by hand, once the engine starts again; remove it: a live container restarts unless stopped",
        ],
        [
          "restart: on-failure",
          "14 restart: on-failure would leave a service down that ended by itself; remove it: a live container restarts unless stopped",
        ],
        [
          "tmpfs: tmp",
          '12 "tmp" is not a path in the container, and options; write a path, such as /tmp or /run:size=64m,mode=1777',
        ],
        ["shm_size: 1", '15 "1" has no unit; write 1m for mebibytes or 1b for bytes'],
        ["working_dir: app", '18 "app" is not an absolute path; write an absolute path'],
        ["hostname: a_b", '15 "a_b" is not a host name; write a host name'],
        ["dns: dns.example.com", '10 "dns.example.com" is not an IP address; write an address such as 10.0.0.2'],
        ["extra_hosts: [db]", `19 "" is not a host's name; write name:address`],
        ["extra_hosts: { db: here }", '18 "here" is not an IP address; write an address such as 10.0.0.2, or host-gateway'],
        [
          "sysctls: { vm.swappiness: 1 }",
          '16 "vm.swappiness" is a setting of the whole host; remove it; possible are net.*, fs.mqueue.* and kernel.shm*, kernel.msg*, kernel.sem',
        ],
        [
          "sysctls: { net.core.somaxconn: 9 }",
          `14 "net.core.somaxconn" on the host's network is a setting of the whole host; remove it and set it on the host, or write network_mode: bridge`,
        ],
        ["pids_limit: 0", "17 0 processes; write a limit, or -1 for none"],
        ["memswap_limit: 64m", "20 memswap_limit without mem_limit; write mem_limit too"],
        ["cpuset: all", '13 "all" is not CPUs such as 0-3 or 0,1; write CPUs such as 0-3 or 0,1'],
        ["cpu_quota: 50s", "16 50s is out of bounds; write 1000 to 1000000 microseconds (1ms to 1s)"],
        ["blkio_config: { device_read_bps: [{ path: /dev/sda }] }", "39 a limit without path or rate; write path: and rate:"],
        ["env_file: [{ required: false }]", "16 an env_file without path; write path:"],
        ["environment: { A: }", '20 A has no value; write a value ("" for an empty one): nothing is taken from the shell here'],
        ["environment: [A=1, B]", '24 B has no value; write a value ("" for an empty one): nothing is taken from the shell here'],
        ["environment: [A=1, A=2]", '24 "A" a second time; keep one of the two'],
        ["environment: { 'A=B': x }", `20 "A=B" cannot be a variable's name; use letters, digits and _, beginning with a letter`],
        ["environment: { GANTRY_X: y }", "20 GANTRY_X: names with GANTRY_ belong to Gantry; choose another name"],
        [
          "environment: { A: xoxb-12345678-abcdef }",
          "20 A looks like a Slack token; name it under x-gantry.secrets, or put it into a file on the hosts and name that file under env_file",
        ],
        [
          "environment: { A: AKIAIOSFODNN7EXAMPLE }",
          "20 A looks like an AWS key; name it under x-gantry.secrets, or put it into a file on the hosts and name that file under env_file",
        ],
        [
          "environment: { A: 'postgres://u:p4ss@db/x' }",
          "20 A looks like a password in a URL; name it under x-gantry.secrets, or put it into a file on the hosts and name that file under env_file",
        ],
        [
          "environment: { DB_PASSWORD: hunter2 }",
          "20 DB_PASSWORD is a secret by its name; name it under x-gantry.secrets, or put it into a file on the hosts and name that file under env_file",
        ],
        ["environment: { A: ~ }", "23 ~ is no value; write a text, or leave the key out"],
        [
          "env_file: ../api.env",
          '15 "../api.env" cannot be an env_file; write a path on the hosts, absolute or relative to the agent\'s env folder, without .. and ~',
        ],
        [
          "env_file: [~/api.env]",
          '16 "~/api.env" cannot be an env_file; write a path on the hosts, absolute or relative to the agent\'s env folder, without .. and ~',
        ],
        ['command: sh -c "a', '14 the quote (") at character 7 is never closed; close it, or write a list of words'],
        [
          "command: a | b",
          '14 | means something only to a shell, and there is none; write ["sh", "-c", "…"], or put it between quotes',
        ],
        ["command: []", "14 an empty command; leave the key out to keep the image's own"],
        ["entrypoint: { a: b }", "17 a map here; write a command line or a list of words"],
        [
          'volumes: ["/:/host"]',
          '15 "/" would give the container power over the host; mount only the folder that the service needs',
        ],
        [
          'volumes: ["/var/run/docker.sock:/s"]',
          '15 "/var/run/docker.sock" would give the container power over the host; mount only the folder that the service needs',
        ],
        [
          'volumes: ["/run//docker.sock:/s"]',
          '15 "/run//docker.sock" would give the container power over the host; mount only the folder that the service needs',
        ],
        [
          'volumes: ["/var/run/:/s"]',
          '15 "/var/run/" would give the container power over the host; mount only the folder that the service needs',
        ],
        [
          'volumes: ["/proc/1:/s"]',
          '15 "/proc/1" would give the container power over the host; mount only the folder that the service needs',
        ],
        [
          'volumes: ["/./sys:/s"]',
          '15 "/./sys" would give the container power over the host; mount only the folder that the service needs',
        ],
        ['volumes: ["/etc/../root:/s"]', '15 "/etc/../root" goes up (..); write the path without ..'],
        ['volumes: ["/s"]', '15 "/s" has no source: an anonymous volume is empty again after each swap; write source:target'],
        ['volumes: ["data:/s:z"]', '15 the mount option "z"; write ro, rw, nocopy or nothing'],
        [
          'volumes: ["/a:/s:rshared"]',
          "15 mounts that come back to the host (shared): it gives the container power over the host; write rslave or nothing",
        ],
        [
          'volumes: ["./data:/s"]',
          '15 "./data" is not an absolute path; write the path on the host in full, such as /srv/api/data',
        ],
        ['volumes: ["/a:s"]', '15 "s" is not a path in the container; write an absolute path below /, without ..'],
        ['volumes: ["/a:/s:x"]', '15 the mount option "x"; write ro, rw, z, Z, rslave or nothing'],
        ['volumes: ["/a:/s", "/b:/s"]', "14 two mounts on /s; keep one of the two"],
        [
          "volumes: [{ type: volume, target: /s }]",
          "15 an anonymous volume is empty again after each swap; write source:, a name under volumes",
        ],
        ["volumes: [{ type: tmpfs, source: a, target: /s }]", "15 a tmpfs with a source; remove source:"],
        ["volumes: [{ type: tmpfs, target: /s, bind: { selinux: z } }]", "15 options of a bind on a tmpfs; remove bind:"],
        [
          "volumes: [{ type: volume, source: a, target: /s, volume: { subpath: b } }]",
          "64 subpath: engines before 26 do not know it; remove it, or use a volume of its own",
        ],
        ["user: 'a b'", '11 "a b" is not a user or user:group; write a user or user:group'],
        ["user: null", "11 null is no value; write a user or user:group, or leave the key out"],
        ["healthcheck: {}", "18 an empty healthcheck; write test:, or disable: true"],
        [
          "healthcheck: { test: [curl, x] }",
          '26 a test of an unknown form; write ["CMD", "word", …], ["CMD-SHELL", "line"] or ["NONE"]',
        ],
        ["healthcheck: { test: x, retries: 0 }", "38 0 is out of bounds; write a whole number from 1 to 1000"],
        ["stop_signal: SIGNUCLEAR", '18 "SIGNUCLEAR" is not a signal; write a name such as SIGTERM or SIGINT'],
        ["stop_grace_period: 20", '24 "20" has no unit; write 20s for seconds or 20ms for milliseconds'],
        ["stop_grace_period: -5s", '24 "-5s" is not a duration; write a number with its unit: 200ms, 30s, 5m, 1h or 1m30s'],
        ["stop_grace_period: PT5M", '24 "PT5M" is not a duration; write a number with its unit: 200ms, 30s, 5m, 1h or 1m30s'],
        ["stop_grace_period: 2h", "24 2h is too long; write a duration from 0s to 1h"],
        [
          "ulimits: { nofiles: 5 }",
          '16 "nofiles" is not a limit of the kernel; use one of core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack',
        ],
        [
          "ulimits: { nofile: { soft: 9, hard: 5 } }",
          "24 soft is above hard, or one of the two is missing; write both, soft at most hard (-1: without limit)",
        ],
        ["mem_limit: 512", '16 "512" has no unit; write 512m for mebibytes or 512b for bytes'],
        ["mem_limit: 1m", "16 1m is too small; write at least 6m: the engine refuses less"],
        ["cpus: 0", '11 "0" is not a number of CPUs; write a number from 0.01 to 1024, such as 1.5'],
        ["cpus: 1e3", '11 "1e3" is not a number of CPUs; write a number from 0.01 to 1024, such as 1.5'],
        ["deploy: { replicas: 2 }", "15 replicas: hosts are chosen by x-gantry.environments.<name>.hosts; remove it"],
        [
          "deploy: { resources: { reservations: { cpus: 1 } } }",
          "44 cpus: the engine cannot reserve CPUs; write cpu_shares, or cpus under limits",
        ],
        ["labels: { gantry.role: live }", '15 "gantry.role": labels with gantry. belong to Gantry; choose another name'],
        ["labels: [a b=c]", '14 "a b" cannot be a label; use letters, digits, and . _ / - after the first'],
        ["network_mode: container:x", '19 "container:x" is not one of host, bridge, none; write one of host, bridge, none'],
        ["network_mode: Host", '19 "Host" is not one of host, bridge, none; did you mean "host"?'],
        ["logging: {}", "14 logging without driver and options; write driver:, such as json-file, local or journald"],
      ] as const
    ).map(([line, said]): Case => [line, withCompose(line), `5:${said}`]),
  ));

test("mem_limit and deploy.resources.limits must agree", () => {
  const text = withCompose("mem_limit: 64m", "deploy: { resources: { limits: { memory: 128m } } }");
  assert.deepEqual(saysOfService(text), ["5:16 mem_limit and deploy.resources.limits say different things; keep one of the two"]);
});
