"""JupyterLab as `make lab` runs it: on loopback, with a token, and asking nobody for news."""

# mypy: ignore-errors
c = get_config()  # noqa: F821

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port_retries = 50
c.ServerApp.root_dir = "."
# In a container one is often root. The server listens on loopback only and asks for its token.
c.ServerApp.allow_root = True
c.ServerApp.terminals_enabled = True

# No request leaves the machine unless a learner makes one.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
