"""Forms, logs and test requests inside notebooks, from ipywidgets' core controls only.

    from jupyter_mldeploy.widgets import DeployForm, LogView, Services, ServiceView, TestPanel

    DeployForm(workspace)              # fill in, look at the plan, deploy
    ServiceView(service)               # state, actions, test requests, log and revisions of one service
    TestPanel(service), LogView(service), Services(workspace)

They work wherever ipywidgets do (JupyterLab, Notebook, VS Code, Colab, Voila), with no JavaScript of their own. What a
user enters and what comes of it are traits that code can observe. Work is done in threads, so cells go on running;
closing a widget ends its threads and closes everything below it.
"""

from __future__ import annotations

from .deploy_form import DeployForm
from .log_view import LogView
from .service_view import ServiceView
from .services import Services
from .test_panel import TestPanel

__all__ = ["DeployForm", "LogView", "ServiceView", "Services", "TestPanel"]
