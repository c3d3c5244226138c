"""The settings of a training run by subject: frozen, and validated when built. :mod:`recipe` puts them together."""

from toprung.training.settings.augment import AugmentSettings
from toprung.training.settings.averaging import AveragingSettings
from toprung.training.settings.data import DataSettings
from toprung.training.settings.hardware import HardwareSettings
from toprung.training.settings.model import ModelSettings
from toprung.training.settings.optimisation import OptimisationSettings, parse_freeze
from toprung.training.settings.pretraining import PretrainingSettings
from toprung.training.settings.rule import require
from toprung.training.settings.schedule import ScheduleSettings

__all__ = [
    "AugmentSettings",
    "AveragingSettings",
    "DataSettings",
    "HardwareSettings",
    "ModelSettings",
    "OptimisationSettings",
    "PretrainingSettings",
    "ScheduleSettings",
    "parse_freeze",
    "require",
]
