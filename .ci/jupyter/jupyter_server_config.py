"""JupyterLab as `make lab` runs it: on loopback, with a token, and asking nobody for news."""

import zmq

# mypy: ignore-errors
c = get_config()  # noqa: F821

c.ServerApp.ip = "127.0.0.1"
# A port that is in use gives way to the next free one.
c.ServerApp.port_retries = 50
# In a container one is often root. The server listens on loopback only and asks for its token.
c.ServerApp.allow_root = True
# What passes between the page's server and the kernel is nobody else's business on this machine.
c.KernelManager.transport_encryption = "auto" if zmq.has("curve") else "disabled"

# No request leaves the machine unless a learner makes one.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
# No language server is installed; looking for one would start npm.
c.LanguageServerManager.autodetect = False

# By default it is longer than the interval between pings, and the server complains each time.
c.ServerApp.tornado_settings = {"ws_ping_timeout": 30_000}

# What is printed is the address, and what goes wrong.
c.Application.log_level = "WARN"
c.Application.log_format = "%(message)s"
