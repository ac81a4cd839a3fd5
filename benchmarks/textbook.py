"""f-AnoGAN written down from the paper, to hold this project's against: plain PyTorch, float32, one step at a time.

Layer for layer the networks of the official code: resampling apart from convolutions, shortcuts upsampled before their
1x1 convolution. Parameters bear the names that the project's own networks have, so that both can be given the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class UpBlock(nn.Module):
    """Residual block that doubles height and width."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.norm_1 = nn.BatchNorm2d(c_in, eps=1e-3, momentum=0.01)
        self.norm_2 = nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.01)
        self.conv_1 = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        self.conv_2 = nn.Conv2d(c_out, c_out, 3, padding=1)
        self.shortcut = nn.Conv2d(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_1(F.interpolate(F.relu(self.norm_1(x)), scale_factor=2))
        h = self.conv_2(F.relu(self.norm_2(h)))
        return h + self.shortcut(F.interpolate(x, scale_factor=2))  # type: ignore[no-any-return]


class DownBlock(nn.Module):
    """Residual block that halves height and width."""

    def __init__(self, c_in: int, c_out: int, over_batch: bool) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = _norm(c_in, over_batch), _norm(c_in, over_batch)
        self.conv_1 = nn.Conv2d(c_in, c_in, 3, padding=1, bias=False)
        self.conv_2 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.shortcut = nn.Conv2d(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_1(F.relu(self.norm_1(x)))
        h = F.avg_pool2d(self.conv_2(F.relu(self.norm_2(h))), 2)
        return h + self.shortcut(F.avg_pool2d(x, 2))  # type: ignore[no-any-return]


def _norm(channels: int, over_batch: bool) -> nn.Module:
    if over_batch:
        return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
    return nn.GroupNorm(1, channels)


class Generator(nn.Module):
    """Codes -> 64x64 images."""

    def __init__(self, latent_dim: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(latent_dim, 8 * width * 16)
        plan = [8, 8, 4, 2, 1]
        self.blocks = nn.Sequential(*(UpBlock(a * width, b * width) for a, b in pairwise(plan)))
        self.norm = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)
        self.to_image = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        h = self.linear(z)
        h = self.blocks(h.view(len(z), -1, 4, 4))
        return torch.tanh(self.to_image(F.relu(self.norm(h))))


class Down(nn.Module):
    """64x64 images -> numbers: the critic with layer norm and one output, the encoder with batch norm and a tanh."""

    def __init__(self, outputs: int, width: int, over_batch: bool) -> None:
        super().__init__()
        plan = [1, 2, 4, 8, 8]
        blocks = (DownBlock(a * width, b * width, over_batch) for a, b in pairwise(plan))
        self.body = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), *blocks)
        self.linear = nn.Linear(8 * width * 16, outputs)
        self.over_batch = over_batch

    def features(self, x: Tensor) -> Tensor:
        return self.body(x).flatten(1)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        out = self.linear(self.features(x))
        return torch.tanh(out) if self.over_batch else out[:, 0]


class Training:
    """WGAN-GP, five critic steps to each of the generator; losses read at every step, as for a progress bar."""

    def __init__(self, images: Tensor, latent_dim: int, width: int, batch_size: int, device: torch.device) -> None:
        self.generator, self.critic = Generator(latent_dim, width).to(device), Down(1, width, False).to(device)
        self.adam_g = torch.optim.Adam(self.generator.parameters(), lr=1e-4, betas=(0.0, 0.9))
        self.adam_d = torch.optim.Adam(self.critic.parameters(), lr=1e-4, betas=(0.0, 0.9))
        self.latent_dim, self.batch_size, self.device = latent_dim, batch_size, device
        self.real = self._endless(DataLoader(TensorDataset(images), batch_size, shuffle=True, drop_last=True))

    def iteration(self, critic_steps: int = 5) -> tuple[float, float]:
        """The losses of both after one step of the generator and those of the critic before it."""
        for _ in range(critic_steps):
            critic_loss = self._critic_step(next(self.real))
        return critic_loss, self._generator_step()

    def _critic_step(self, real: Tensor) -> float:
        fake = self.generator(self._codes()).detach()
        mixed = torch.lerp(real, fake, torch.rand(len(real), 1, 1, 1, device=self.device)).requires_grad_()
        (gradient,) = torch.autograd.grad(self.critic(mixed).sum(), mixed, create_graph=True)
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        loss = self.critic(fake).mean() - self.critic(real).mean() + 10 * penalty
        self.adam_d.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam_d.step()
        return loss.item()

    def _generator_step(self) -> float:
        loss = -self.critic(self.generator(self._codes())).mean()
        self.adam_g.zero_grad()
        loss.backward()
        self.adam_g.step()
        return float(loss.item())

    def _codes(self) -> Tensor:
        return torch.randn(self.batch_size, self.latent_dim, device=self.device)

    def _endless(self, loader: DataLoader[tuple[Tensor, ...]]) -> Iterator[Tensor]:
        while True:
            for (images,) in loader:
                yield images.to(self.device)


@torch.no_grad()
def score(generator: Generator, critic: Down, encoder: Down, x: Tensor) -> tuple[Tensor, Tensor]:
    """``(N,)`` scores, ``A_R + A_D``, and ``(N, 64, 64)`` maps of images."""
    redrawn = generator(encoder(x))
    residual = ((x - redrawn) ** 2).mean(dim=(1, 2, 3))
    feature = ((critic.features(x) - critic.features(redrawn)) ** 2).mean(dim=1)
    return residual + feature, (x - redrawn).abs().mean(dim=1)
