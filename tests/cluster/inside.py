"""First process of the node's namespaces: prepares them, starts all parts of Kubernetes and reaps what ends.

`tests.cluster.node` starts it; by hand it would change the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.cluster.home import state
from tests.cluster.images import PAUSE
from tests.cluster.node import ADDRESS, CGROUP, CONFIGURATION, FOLDERS, IMAGES, NAME, PODS, SERVICES, token

API: Final = "https://127.0.0.1:6443"
ETCD: Final = "http://127.0.0.1:2379"
SOCKET: Final = "/run/containerd/containerd.sock"
NOWHERE: Final = "198.51.100.254"
"""The default gateway, which does not exist: what leaves for the outside is lost here."""

SCALE_TO_ZERO: Final = "HPAScaleToZero=true"
"""Off by default; the checks of the autoscaler remove the last pod."""

SYSCTLS: Final = (
    *("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys"),
    "vm/panic_on_oom",
    "kernel/keys/root_maxbytes",
)
"""What the kubelet sets for the whole machine: it writes to files of the state instead."""

USERS: Final = {
    "admin": ("admin", "system:masters"),
    "manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{NAME}", "system:nodes"),
    "proxy": ("system:kube-proxy", ""),
    "dns": ("dns", "system:masters"),
    "router": ("router", "system:masters"),
    "kwok": ("kwok", "system:masters"),
    "metrics": ("metrics", "system:masters"),
}


def main() -> None:
    """Run the node until this process is killed. As the first process of its namespace it ignores SIGTERM."""
    if os.getpid() != 1:
        sys.exit("this runs inside of the cluster's namespaces only: `python -m tests.cluster up`")
    _mounts()
    _network()
    _users()
    _control_plane()
    _container_runtime()
    _node()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(1)


def _run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True)


def _start(name: str, *command: str, ready: Callable[[], bool] = lambda: True) -> None:
    with (state() / "logs" / name).open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    while not ready():
        if process.poll() is not None:
            sys.exit(f"{name} ended with {process.returncode}")
        time.sleep(0.1)


def _write(path: Path | str, content: str | dict[str, Any]) -> Path:
    target = Path(path)
    target.write_text(content if isinstance(content, str) else json.dumps(content))
    return target


def _mounts() -> None:
    socket.sethostname(NAME)
    control_groups = state() / "control-groups"
    control_groups.mkdir()
    _run("mount", "--rbind", "/sys/fs/cgroup", control_groups)
    _run("mount", "-t", "sysfs", "sysfs", "/sys")  # of this network namespace
    _run("mount", "--rbind", control_groups, "/sys/fs/cgroup")
    for folder in FOLDERS:
        _run("mount", "--bind", state() / folder, Path("/", folder))
    (state() / "sysctl").mkdir()
    for name in SYSCTLS:
        copy = _write(state() / "sysctl" / name.replace("/", "."), Path("/proc/sys", name).read_text())
        _run("mount", "--bind", copy, Path("/proc/sys", name))
    _run("mount", "--bind", _write(state() / "hosts", f"127.0.0.1 localhost {NAME}\n"), "/etc/hosts")
    resolver = _write(CONFIGURATION / "resolv.conf", f"nameserver {ADDRESS}\n")
    _run("mount", "--bind", resolver, "/etc/resolv.conf")
    _run("mount", "--make-rshared", "/")


def _network() -> None:
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "node0", "type", "veth", "peer", "name", "node0p")
    _run("ip", "address", "add", f"{ADDRESS}/24", "dev", "node0")
    for link in ("node0", "node0p"):
        _run("ip", "link", "set", link, "up")
    _run("ip", "route", "add", "default", "via", NOWHERE, "dev", "node0")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _users() -> None:
    rows = (f"{token(name)},{user},{name}" + (f',"{group}"' if group else "") for name, (user, group) in USERS.items())
    _write(CONFIGURATION / "tokens.csv", "\n".join(rows) + "\n")
    for name in USERS:
        _write(
            _kubeconfig(name),
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "node", "cluster": {"server": API, "insecure-skip-tls-verify": True}}],
                "users": [{"name": name, "user": {"token": token(name)}}],
                "contexts": [{"name": name, "context": {"cluster": "node", "user": name}}],
                "current-context": name,
            },
        )
    _run("openssl", "genrsa", "-out", CONFIGURATION / "service-accounts.key", "2048")


def _kubeconfig(name: str) -> str:
    return str(CONFIGURATION / f"{name}.conf")


def _front_proxy() -> tuple[str, ...]:
    """Make the certificates by which API servers behind this one know it, and return its flags for them."""
    folder = CONFIGURATION / "front-proxy"
    folder.mkdir()
    authority, key, request, certificate = (folder / name for name in ("ca.crt", "ca.key", "proxy.csr", "proxy.crt"))
    keys = ("-newkey", "rsa:2048", "-nodes", "-subj")
    _run("openssl", "req", "-x509", *keys, "/CN=front-proxy-ca", "-keyout", key, "-out", authority, "-days", "365")
    own = folder / "proxy.key"
    _run("openssl", "req", *keys, "/CN=front-proxy", "-keyout", own, "-out", request)
    signing = ("-CA", authority, "-CAkey", key, "-CAcreateserial", "-days", "365")
    _run("openssl", "x509", "-req", "-in", request, "-out", certificate, *signing)
    return (
        *("--requestheader-client-ca-file", str(authority), "--requestheader-allowed-names", "front-proxy"),
        *("--requestheader-username-headers", "X-Remote-User", "--requestheader-group-headers", "X-Remote-Group"),
        *("--requestheader-extra-headers-prefix", "X-Remote-Extra-", "--enable-aggregator-routing=true"),
        *("--proxy-client-cert-file", str(certificate), "--proxy-client-key-file", str(own)),
    )


def _control_plane() -> None:
    key = str(CONFIGURATION / "service-accounts.key")
    _start(
        *("etcd", "etcd", "--data-dir", str(state() / "etcd"), "--unsafe-no-fsync", "--name", NAME),
        *("--listen-client-urls", ETCD, "--advertise-client-urls", ETCD, "--listen-peer-urls", "http://127.0.0.1:2380"),
        *("--initial-advertise-peer-urls", "http://127.0.0.1:2380"),
        *("--initial-cluster", f"{NAME}=http://127.0.0.1:2380"),
    )
    _start(
        *("apiserver", "kube-apiserver", "--etcd-servers", ETCD, "--cert-dir", str(CONFIGURATION / "pki")),
        *("--secure-port", "6443", "--bind-address", "0.0.0.0", "--advertise-address", ADDRESS),
        *("--service-cluster-ip-range", SERVICES, "--authorization-mode", "Node,RBAC"),
        *("--token-auth-file", str(CONFIGURATION / "tokens.csv"), "--allow-privileged=true"),
        *("--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key),
        *("--service-account-signing-key-file", key, "--kubelet-preferred-address-types", "InternalIP"),
        *("--feature-gates", SCALE_TO_ZERO),
        *_front_proxy(),
        ready=_api_answers,
    )
    _start(
        *("manager", "kube-controller-manager", "--kubeconfig", _kubeconfig("manager"), "--leader-elect=false"),
        *("--service-account-private-key-file", key, "--root-ca-file", str(CONFIGURATION / "pki/apiserver.crt")),
        *("--use-service-account-credentials=true", "--allocate-node-cidrs=true", "--cluster-cidr", PODS),
        *("--service-cluster-ip-range", SERVICES, "--feature-gates", SCALE_TO_ZERO),
        "--horizontal-pod-autoscaler-sync-period=5s",
    )
    _start("scheduler", "kube-scheduler", "--kubeconfig", _kubeconfig("scheduler"), "--leader-elect=false")


def _api_answers() -> bool:
    command = ["kubectl", "--kubeconfig", _kubeconfig("admin"), "get", "--raw", "/readyz"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


CONTAINERD: Final = f"""
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
"""


def _container_runtime() -> None:
    network = {
        "type": "ptp",
        "ipMasq": False,
        "mtu": 1500,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": PODS.replace("/16", "/24")}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    _write("/etc/cni/net.d/10-pods.conflist", {"cniVersion": "0.4.0", "name": "pods", "plugins": [network]})
    _forget_containers()
    configuration = _write("/etc/containerd/config.toml", CONTAINERD)
    _start("containerd", "containerd", "--config", str(configuration), ready=_containerd_answers)


def _forget_containers() -> None:
    """Remove what an earlier node left in the folder of images, before Kubernetes sees it; empty a damaged folder."""
    without_kubernetes = 'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
    configuration = _write("/etc/containerd/images.toml", without_kubernetes + CONTAINERD)
    with (state() / "logs/forget").open("wb") as log:
        process = subprocess.Popen(["containerd", "--config", configuration], stdout=log, stderr=log)
    try:
        while not _containerd_answers():
            if process.poll() is not None:
                raise OSError("containerd ended")
            time.sleep(0.1)
        for name in _ctr("containers", "list", "--quiet").split():
            _ctr("containers", "remove", name)
    except (OSError, subprocess.CalledProcessError):
        process.kill()
        process.wait()
        for path in Path("/", IMAGES).iterdir():
            shutil.rmtree(path)
    else:
        process.terminate()
        process.wait()
    Path(SOCKET).unlink(missing_ok=True)


def _containerd_answers() -> bool:
    return subprocess.run(["ctr", "version"], capture_output=True, check=False).returncode == 0


def _ctr(*arguments: str) -> str:
    return subprocess.run(
        ["ctr", "--namespace", "k8s.io", *arguments], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def _node() -> None:
    kubelet = _write(
        CONFIGURATION / "kubelet.yaml",
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{CGROUP}",
            "failSwapOn": False,
            "failCgroupV1": False,
            "clusterDomain": "cluster.local",
            "clusterDNS": [ADDRESS],
            "resolvConf": str(CONFIGURATION / "resolv.conf"),
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "200Mi", "nodefs.available": "2Gi", "imagefs.available": "2Gi"},
            "maxPods": 60,
        },
    )
    _start(
        *("kubelet", "kubelet", "--config", str(kubelet), "--kubeconfig", _kubeconfig("kubelet")),
        *("--node-ip", ADDRESS, "--hostname-override", NAME),
    )
    proxy = _write(
        CONFIGURATION / "proxy.yaml",
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": _kubeconfig("proxy")},
            "mode": "nftables",
            "clusterCIDR": PODS,
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        },
    )
    _start("proxy", "kube-proxy", "--config", str(proxy), "--hostname-override", NAME)
    names = f"""
.:53 {{
    errors
    log
    ready 127.0.0.1:8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {_kubeconfig("dns")}
        pods insecure
        ttl 5
    }}
    cache 5
}}
"""
    _start("coredns", "coredns", "-conf", str(_write(CONFIGURATION / "Corefile", names)))


if __name__ == "__main__":
    main()
